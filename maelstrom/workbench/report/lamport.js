// The Lamport diagram: time runs to the right, a line per node and client, an
// arrow per message. It shows a part of one of the embedded stretches.

const view = { window: 0, from: 0, span: 100, clients: true };
const MAX_CLIENT_ROWS = 24;
const READABLE = 80; // messages
const RECEIVED = 0, DROPPED = 1;

// A reply has the colour of its request, as far as names tell.
const REPLY = /_(ok|reply|response|res|result)$/;
const isReply = (type) => REPLY.test(type);
const subjects = [...new Set(list(data.types).map((t) => t.name.replace(REPLY, '')))];
function typeColour(type) {
  const i = subjects.indexOf(type.replace(REPLY, ''));
  return i < 0 ? 'var(--soft)' : colourOf(i);
}
const isNode = (id) => data.nodes.includes(id);

function setUpLamport() {
  const all = list(data.windows), holder = document.querySelector('.controls');
  if (!all.length) return;
  html('span', {}, holder, 'Jump to');
  all.forEach((w, i) => {
    const button = html('button', { type: 'button', 'data-window': i }, holder, w.label);
    button.addEventListener('click', () => choose(i));
  });
  html('span', { class: 'break' }, holder);
  const slider = html('input', { type: 'range', min: 0, max: 1000, step: 1, 'aria-label': 'position in the stretch' }, holder);
  const label = html('label', {}, holder, 'from ');
  const input = html('input', { type: 'number', step: 0.001, 'aria-label': 'from, in seconds' }, label);
  html('span', {}, label, ' s');
  slider.addEventListener('input', () => {
    const w = all[view.window];
    view.from = w.from + slider.value / 1000 * Math.max(w.to - w.from - view.span, 0);
    drawLamport();
  });
  input.addEventListener('change', () => { view.from = Number(input.value) * 1000; drawLamport(); });
  for (const [text, factor] of [['shorter', 0.5], ['longer', 2]]) {
    html('button', { type: 'button' }, holder, text).addEventListener('click', () => zoom(factor));
  }
  html('span', { class: 'span' }, holder);
  const box = html('label', {}, holder);
  const check = html('input', { type: 'checkbox' }, box);
  check.checked = view.clients;
  html('span', {}, box, ' clients');
  check.addEventListener('change', () => { view.clients = check.checked; drawLamport(); });
  const wrong = all.findIndex(isWrong);
  choose(wrong >= 0 ? wrong : bestFault());
}

// bestFault is the stretch of a fault that took the leader, if there is one.
function bestFault() {
  const faults = list(data.windows).map((w, i) => ({ i, fault: list(data.faults).find((f) => w.label === `fault ${f.number}`) })).filter((w) => w.fault);
  const best = faults.find((w) => w.fault.lost) || faults[1] || faults[0];
  return best ? best.i : 0;
}

// choose shows the moment of a stretch, with about as many messages as can be
// read.
function choose(i) {
  const w = list(data.windows)[i], after = w.label === 'start' || w.label.startsWith('fault');
  const near = list(w.messages).map((m) => m[0] - w.focus).filter((d) => !after || d >= 0).map(Math.abs).sort((a, b) => a - b);
  const reach = Math.max(near[Math.min(READABLE, near.length) - 1] || 0, 2);
  view.window = i;
  view.from = after ? w.focus - reach * 0.1 : Math.max(w.focus - reach, w.from - reach * 0.05);
  view.span = Math.max(Math.min(w.focus + reach, w.to + reach * 0.05) - view.from, 1);
  drawLamport();
}

function jumpToFault(number) {
  const all = list(data.windows);
  let best = -1;
  all.forEach((w, i) => {
    const n = Number((/^fault (\d+)$/.exec(w.label) || [])[1]);
    if (n <= number && (best < 0 || n > Number(all[best].label.slice(6)))) best = i;
  });
  if (best >= 0) choose(best);
  hideTip();
  document.getElementById('lamport').scrollIntoView();
}

// The table of faults links to #fault-3 and the like.
function followHash() {
  const fault = /^#fault-(\d+)$/.exec(location.hash);
  if (fault) jumpToFault(Number(fault[1]));
}

function zoom(factor) {
  const middle = view.from + view.span / 2;
  view.span = Math.min(Math.max(view.span * factor, 0.5), 5000);
  view.from = middle - view.span / 2;
  drawLamport();
}

function syncControls(w) {
  const holder = document.querySelector('.controls');
  for (const b of holder.querySelectorAll('[data-window]')) b.classList.toggle('on', Number(b.dataset.window) === view.window);
  const room = Math.max(w.to - w.from - view.span, 0);
  holder.querySelector('[type=range]').value = room ? (view.from - w.from) / room * 1000 : 0;
  holder.querySelector('[type=number]').value = (view.from / 1000).toFixed(3);
  holder.querySelector('.span').textContent = `${duration(view.span)} shown of ${duration(w.to - w.from)} embedded here`;
}

// rowsFor returns the ids of the lines: nodes, then the clients that speak in
// the part shown.
function rowsFor(messages) {
  const clients = new Set();
  if (view.clients) for (const m of messages) for (const id of [m[2], m[3]]) if (!isNode(id)) clients.add(id);
  const sorted = [...clients].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return { rows: [...data.nodes, ...sorted.slice(0, MAX_CLIENT_ROWS)], more: Math.max(sorted.length - MAX_CLIENT_ROWS, 0) };
}

function drawLamport() {
  const holder = place('lamport'), w = list(data.windows)[view.window];
  if (!w) { holder.replaceChildren(html('p', {}, null, 'There are no messages to show.')); return; }
  const to = view.from + view.span;
  const shown = list(w.messages).filter((m) => m[0] <= to && m[1] >= view.from);
  const { rows, more } = rowsFor(shown);
  const yOf = new Map();
  let y = TOP + 22;
  for (const id of rows) { yOf.set(id, y); y += isNode(id) ? 58 : 26; }
  const c = canvas(holder, y + BOTTOM - 10);
  const x = linear(view.from, to, LEFT, c.width - RIGHT), bottom = y - 8;
  shadeFaults(c.root, x, TOP, bottom, view.from, to, (f) => [`${f.number} ${f.kind}: ${f.who}`, `${f.number} ${f.kind}`, `${f.number}`]);
  markMoment(c.root, w, x, bottom, to);
  timeAxis(c.root, x, bottom, view.from, to, c.width, `time since the first operation, s${more ? `; ${more} more clients are not shown` : ''}`);
  for (const id of rows) {
    svg('line', { class: 'lifeline', x1: LEFT, x2: c.width - RIGHT, y1: yOf.get(id), y2: yOf.get(id) }, c.root);
    svg('text', { x: LEFT - 10, y: yOf.get(id) + 4, 'text-anchor': 'end', class: isNode(id) ? 'strong' : '' }, c.root, id);
  }
  drawMessages(c, shown.filter((m) => yOf.has(m[2]) && yOf.has(m[3])), x, yOf, bottom);
  if (!shown.length) svg('text', { x: (LEFT + c.width) / 2, y: TOP + 12, 'text-anchor': 'middle' }, c.root, 'No embedded message falls into this part.');
  syncControls(w);
  lamportLegend(shown);
}

// markMoment shows where a test went wrong.
function markMoment(root, w, x, bottom, to) {
  if (!isWrong(w) || w.focus < view.from || w.focus > to) return;
  svg('line', { x1: x(w.focus), x2: x(w.focus), y1: TOP, y2: bottom, style: 'stroke:var(--invalid);stroke-width:1.5;stroke-dasharray:2 4' }, root);
  svg('text', { x: x(w.focus) + 5, y: TOP + 12, style: 'fill:var(--invalid)' }, root, w.label);
}
const isWrong = (w) => w.label === 'anomaly' || w.label === 'violation';

function lamportLegend(shown) {
  const holder = legendOf('lamport');
  holder.replaceChildren();
  const present = new Set(shown.filter((m) => isNode(m[2]) && isNode(m[3])).map((m) => m[4]));
  for (const t of list(data.types)) if (present.has(t.name)) legendItem(holder, swatch(typeColour(t.name)), t.name);
  if (view.clients) legendItem(holder, swatch('var(--soft)'), 'to and from clients');
  legendItem(holder, (s) => cross(s, 7, 7), 'dropped by a partition');
}

function cross(parent, x, y) {
  svg('path', { d: `M${x - 4} ${y - 4}l8 8m0 -8l-8 8`, style: 'stroke:var(--outcome-unknown);stroke-width:2.2;fill:none' }, parent);
}

function drawMessages(c, messages, x, yOf, bottom) {
  const clip = svg('clipPath', { id: 'plot' }, c.root);
  svg('rect', { x: LEFT - 1, y: 0, width: c.width - LEFT - RIGHT + 2, height: bottom }, clip);
  const lines = svg('g', { 'clip-path': 'url(#plot)' }, c.root), names = svg('g', { 'clip-path': 'url(#plot)' }, c.root), hits = svg('g', { 'clip-path': 'url(#plot)' }, c.root);
  const taken = [];
  for (const m of messages) {
    const line = drawArrow(lines, m, x, yOf);
    nameArrow(names, line, m, taken, c.width);
    const hit = svg('path', { d: line.d, class: 'hit' }, hits);
    hover(hit, () => messageWords(m));
    hit.addEventListener('mouseenter', () => line.path.classList.add('hot'));
    hit.addEventListener('mouseleave', () => line.path.classList.remove('hot'));
  }
}

function messageWords(m) {
  const fate = m[5] === RECEIVED ? `received ${inSeconds(m[1], 4)}, after ${duration(m[1] - m[0])}`
    : m[5] === DROPPED ? `dropped by a partition at ${inSeconds(m[1], 4)}` : 'not taken by its node before the test ended';
  return [`${m[4]}, ${m[2]} to ${m[3]}`, `sent ${inSeconds(m[0], 4)}, ${fate}`, { mono: m[6] }];
}

// drawArrow draws one message and returns its ends and its path. A dropped one
// stops short of its destination.
function drawArrow(parent, m, x, yOf) {
  const x0 = x(m[0]), y0 = yOf.get(m[2]), y1 = yOf.get(m[3]), whole = m[5] === RECEIVED;
  let xe = x(m[1]), ye = y1, d;
  if (m[2] === m[3]) {
    d = `M${x0} ${y0}Q${(x0 + xe) / 2} ${y0 - 22} ${xe} ${y0}`;
  } else {
    if (!whole) { xe = x0 + (xe - x0) * 0.72; ye = y0 + (y1 - y0) * 0.72; }
    d = `M${x0.toFixed(1)} ${y0}L${xe.toFixed(1)} ${ye.toFixed(1)}`;
  }
  const colour = m[5] === DROPPED ? 'var(--outcome-unknown)' : isNode(m[2]) && isNode(m[3]) ? typeColour(m[4]) : 'var(--soft)';
  const path = svg('path', { d, style: `stroke:${colour};fill:none;stroke-width:1.3;opacity:.85${whole ? '' : ';stroke-dasharray:5 3'}` }, parent);
  if (m[5] === DROPPED) cross(parent, xe, ye);
  if (whole) {
    const angle = m[2] === m[3] ? 60 : Math.atan2(ye - y0, xe - x0) * 180 / Math.PI;
    svg('path', { d: 'M0 0L-8 -3.2L-8 3.2Z', transform: `translate(${xe.toFixed(1)} ${ye}) rotate(${angle.toFixed(1)})`, style: `fill:${colour};opacity:.9` }, parent);
  }
  return { x0, y0, x1: xe, y1: ye, d, path, colour };
}

// nameArrow writes the type where it covers no other name; hovering tells the
// types of the rest.
function nameArrow(parent, line, m, taken, width) {
  const w = m[4].length * 5.6 + 6, h = 12;
  for (const part of [0.5, 0.35, 0.65, 0.25, 0.75]) {
    const cx = line.x0 + (line.x1 - line.x0) * part, cy = line.y0 + (line.y1 - line.y0) * part - (m[2] === m[3] ? 10 : 0);
    const box = [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2];
    if (box[0] < LEFT || box[2] > width - RIGHT) continue;
    if (taken.some((t) => box[0] < t[2] && box[2] > t[0] && box[1] < t[3] && box[3] > t[1])) continue;
    taken.push(box);
    svg('text', { x: cx, y: cy + 4, 'text-anchor': 'middle', class: 'message', style: `fill:${line.colour}` }, parent, m[4]);
    return;
  }
}
