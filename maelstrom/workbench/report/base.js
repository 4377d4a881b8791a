'use strict';
// What all charts use: making elements, scales, axes, faults, the tooltip.
// Texts are only ever set as text, never as markup.

// A script that fails says so where a test of the page finds it.
addEventListener('error', (e) => { document.documentElement.dataset.error = e.message; });

const NS = 'http://www.w3.org/2000/svg';
const data = JSON.parse(document.getElementById('data').textContent);
const tip = document.getElementById('tip');
const OUTCOMES = ['ok', 'refused (20, 22)', 'failed', 'unknown'];
const OUTCOME_COLOURS = ['var(--ok)', 'var(--refused)', 'var(--failed)', 'var(--outcome-unknown)'];

const list = (x) => x || [];
const colourOf = (i) => `var(--f${i % 8})`;

function fill(element, attributes, parent, text) {
  for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  if (parent) parent.appendChild(element);
  return element;
}
const svg = (tag, attributes, parent, text) => fill(document.createElementNS(NS, tag), attributes, parent, text);
const html = (tag, attributes, parent, text) => fill(document.createElement(tag), attributes, parent, text);
const place = (name) => document.querySelector(`[data-chart=${name}]`);
const legendOf = (name) => document.querySelector(`[data-for=${name}]`);

const linear = (d0, d1, r0, r1) => (v) => r0 + (d1 === d0 ? 0 : (v - d0) / (d1 - d0) * (r1 - r0));
const logarithmic = (d0, d1, r0, r1) => {
  const s = linear(Math.log10(d0), Math.log10(d1), r0, r1);
  return (v) => s(Math.log10(Math.max(v, d0)));
};

// ticks are round numbers from a to b, about n of them.
function ticks(a, b, n) {
  const raw = (b - a) / Math.max(n, 1) || 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= raw * 0.999);
  const out = [];
  for (let i = Math.ceil(a / step - 1e-9); i * step <= b + step * 1e-9; i++) out.push(Number((i * step).toPrecision(12)));
  return out;
}

function logTicks(a, b) {
  const out = [];
  const factors = Math.log10(b / a) > 3.2 ? [1] : [1, 2, 5];
  for (let p = Math.floor(Math.log10(a)); 10 ** p <= b; p++) {
    for (const f of factors) {
      const v = Number((f * 10 ** p).toPrecision(3));
      if (v >= a * 0.999 && v <= b * 1.001) out.push(v);
    }
  }
  return out;
}

const inSeconds = (ms, digits = 3) => `${(ms / 1000).toFixed(digits)} s`;
function duration(ms) {
  if (ms >= 1000) return `${(ms / 1000).toFixed(2)} s`;
  if (ms >= 100) return `${ms.toFixed(0)} ms`;
  return ms >= 1 ? `${ms.toFixed(1)} ms` : `${ms.toFixed(3)} ms`;
}
const percent = (part, whole) => whole ? `${(100 * part / whole).toFixed(part === whole ? 0 : 1)} %` : '–';
const count = (n) => n.toLocaleString('en-GB');

// showTip shows lines beside the pointer; a line is a text or {mono: text}.
function showTip(event, lines) {
  tip.replaceChildren();
  for (const line of lines) {
    if (line.mono !== undefined) html('p', { class: 'mono' }, tip, line.mono);
    else html('p', {}, tip, line);
  }
  tip.hidden = false;
  const left = event.clientX + 14, top = event.clientY + 14;
  tip.style.left = `${Math.max(4, left + tip.offsetWidth > innerWidth ? event.clientX - tip.offsetWidth - 14 : left)}px`;
  tip.style.top = `${Math.max(4, top + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 14 : top)}px`;
}
const hideTip = () => { tip.hidden = true; };
function hover(element, lines) {
  element.addEventListener('mousemove', (e) => showTip(e, typeof lines === 'function' ? lines() : lines));
  element.addEventListener('mouseleave', hideTip);
}

// canvas empties a chart's place and puts an svg of its width there.
function canvas(holder, height) {
  holder.replaceChildren();
  const width = Math.max(holder.clientWidth, 320);
  const root = svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img' }, holder);
  return { root, width, height };
}

// All charts over time have the same margins, so that they line up.
const LEFT = 72, RIGHT = 20, TOP = 30, BOTTOM = 40;

// timeChart is a canvas with a time axis, and with the faults shaded.
function timeChart(name, plotHeight) {
  const c = canvas(place(name), TOP + plotHeight + BOTTOM);
  c.x = linear(0, data.end, LEFT, c.width - RIGHT);
  c.top = TOP;
  c.bottom = TOP + plotHeight;
  shadeFaults(c.root, c.x, c.top, c.bottom, 0, data.end);
  timeAxis(c.root, c.x, c.bottom, 0, data.end, c.width, 'time since the first operation, s');
  return c;
}

function timeAxis(root, x, y, from, to, width, title) {
  svg('line', { class: 'axis', x1: x(from), x2: x(to), y1: y, y2: y }, root);
  const values = ticks(from / 1000, to / 1000, width / 90);
  const digits = Math.max(0, ...values.map((v) => (String(v).split('.')[1] || '').length));
  for (const v of values) {
    const at = x(v * 1000);
    svg('line', { class: 'axis', x1: at, x2: at, y1: y, y2: y + 5 }, root);
    svg('text', { x: at, y: y + 18, 'text-anchor': 'middle' }, root, v.toFixed(digits));
  }
  svg('text', { x: x(to), y: y + 34, 'text-anchor': 'end' }, root, title);
}

// shadeFaults shades [from, to] wherever a fault was, with as much of a label
// above as there is room for before the next fault.
function shadeFaults(root, x, top, bottom, from, to, labels = (f) => [`${f.number} ${f.kind}`, `${f.number}`]) {
  const seen = list(data.faults).filter((f) => f.to >= from && f.from <= to);
  let free = x(from); // up to here the room for labels is taken
  seen.forEach((f, i) => {
    const a = x(Math.max(f.from, from)), b = Math.max(x(Math.min(f.to, to)), a + 1);
    svg('rect', { class: 'fault', x: a, y: top, width: b - a, height: bottom - top }, root);
    const edge = svg('line', { class: 'faultedge', x1: a, x2: b, y1: top, y2: top }, root);
    const limit = i + 1 < seen.length ? x(seen[i + 1].from) - 6 : x(to);
    for (const label of labels(f)) {
      const width = label.length * 6.1, at = Math.min(a, limit - width);
      if (at < free || (at < a && limit !== x(to))) continue;
      svg('text', { class: 'fault', x: at, y: top - 8 }, root, label);
      free = at + width + 6;
      break;
    }
    const head = svg('rect', { x: a - 1, y: top - 20, width: b - a + 2, height: 22, fill: 'transparent', style: 'cursor:pointer' }, root);
    for (const e of [edge, head]) {
      hover(e, [`fault ${f.number}: ${f.kind}`, `${inSeconds(f.from)} to ${inSeconds(f.to)}, ${duration(f.to - f.from)}`, f.who, 'click: its messages']);
      e.addEventListener('click', () => jumpToFault(f.number));
    }
  });
}

function verticalAxis(c, y, values, title, text = String) {
  for (const v of values) {
    svg('line', { class: 'grid', x1: LEFT, x2: c.width - RIGHT, y1: y(v), y2: y(v) }, c.root);
    svg('text', { x: LEFT - 9, y: y(v) + 4, 'text-anchor': 'end' }, c.root, text(v));
  }
  const middle = (c.top + c.bottom) / 2;
  svg('text', { x: 17, y: middle, 'text-anchor': 'middle', transform: `rotate(-90 17 ${middle})` }, c.root, title);
}

// legendItem adds a sample and a name; toggle is called when it is clicked.
function legendItem(holder, draw, name, toggle) {
  const item = html('span', toggle ? { class: 'toggle' } : {}, holder);
  draw(svg('svg', { viewBox: '0 0 14 14' }, item));
  html('span', {}, item, name);
  if (toggle) {
    item.addEventListener('click', () => {
      item.classList.toggle('off');
      toggle(item.classList.contains('off'));
    });
  }
}
const swatch = (colour) => (s) => svg('rect', { x: 1, y: 2, width: 12, height: 10, rx: 2, style: `fill:${colour}` }, s);
