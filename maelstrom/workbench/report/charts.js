// Latency, throughput, phases, types of message, latency curves.

// marks are the shapes of outcomes, as path data around a point.
const MARKS = [
  (x, y) => `M${x} ${y}h0`,
  (x, y) => `M${x - 2.6} ${y}a2.6 2.6 0 1 0 5.2 0a2.6 2.6 0 1 0 -5.2 0`,
  (x, y) => `M${x - 3.2} ${y - 3.2}l6.4 6.4m0 -6.4l-6.4 6.4`,
  (x, y) => `M${x} ${y - 4.4}l4.4 7.6h-8.8z`,
];
const MARK_STYLES = [
  'fill:none;stroke-width:3.6;stroke-linecap:round;opacity:.7', 'fill:none;stroke-width:1.1;opacity:.8',
  'fill:none;stroke-width:1.9', 'stroke-width:1;fill:currentColor',
];
const hidden = { functions: new Set(), ends: new Set() };

function drawLatency() {
  const p = data.points, at = list(p.at);
  if (!at.length) { place('latency').replaceChildren(html('p', {}, null, 'There were no operations.')); return; }
  const c = timeChart('latency', 330);
  const took = p.took.map((v) => Math.max(v, 0.01));
  let low = Infinity, high = 0;
  for (const v of took) { low = Math.min(low, v); high = Math.max(high, v); }
  const y = logarithmic(low / 1.3, high * 1.4, c.bottom, c.top);
  verticalAxis(c, y, logTicks(low / 1.3, high * 1.4), 'latency, ms (logarithmic)');
  const xs = at.map((t) => Number(c.x(t).toFixed(1))), ys = took.map((v) => Number(y(v).toFixed(1)));
  for (let end = 0; end < MARKS.length; end++) {
    list(data.functions).forEach((name, f) => {
      if (hidden.functions.has(f) || hidden.ends.has(end)) return;
      const d = [];
      for (let i = 0; i < xs.length; i++) if (p.f[i] === f && p.end[i] === end) d.push(MARKS[end](xs[i], ys[i]));
      if (d.length) svg('path', { d: d.join(''), style: `color:${colourOf(f)};stroke:${colourOf(f)};${MARK_STYLES[end]}` }, c.root);
    });
  }
  hoverPoints(c, xs, ys);
  latencyLegend();
}

// hoverPoints tells about the point nearest to the pointer.
function hoverPoints(c, xs, ys) {
  const p = data.points;
  const ring = svg('circle', { r: 7, fill: 'none', style: 'stroke:var(--ink);stroke-width:1.5', visibility: 'hidden' }, c.root);
  const area = svg('rect', { x: LEFT, y: c.top, width: c.width - LEFT - RIGHT, height: c.bottom - c.top, fill: 'transparent' }, c.root);
  area.addEventListener('mousemove', (e) => {
    const box = c.root.getBoundingClientRect(), scale = c.width / box.width;
    const mx = (e.clientX - box.left) * scale, my = (e.clientY - box.top) * scale;
    let best = -1, least = 14 * 14;
    for (let i = 0; i < xs.length; i++) {
      if (hidden.functions.has(p.f[i]) || hidden.ends.has(p.end[i])) continue;
      const d = (xs[i] - mx) ** 2 + (ys[i] - my) ** 2;
      if (d < least) { least = d; best = i; }
    }
    if (best < 0) { ring.setAttribute('visibility', 'hidden'); hideTip(); return; }
    fill(ring, { cx: xs[best], cy: ys[best], visibility: 'visible' });
    showTip(e, [p.text[best], `${duration(p.took[best])}, from ${inSeconds(p.at[best])}`,
      `process ${p.process[best]} at ${data.nodes[p.node[best]] || '?'}, key ${p.key[best]}`]);
  });
  area.addEventListener('mouseleave', () => { ring.setAttribute('visibility', 'hidden'); hideTip(); });
}

function latencyLegend() {
  const holder = legendOf('latency');
  if (holder.childElementCount) return;
  const toggle = (set, i) => (off) => { if (off) set.add(i); else set.delete(i); drawLatency(); };
  list(data.functions).forEach((name, f) => legendItem(holder, swatch(colourOf(f)), name, toggle(hidden.functions, f)));
  OUTCOMES.forEach((name, end) => legendItem(holder,
    (s) => svg('path', { d: MARKS[end](7, 7), style: `color:var(--ink);stroke:var(--ink);${MARK_STYLES[end]}` }, s), name, toggle(hidden.ends, end)));
}

function drawThroughput() {
  const c = timeChart('throughput', 180);
  const bin = data.rate.bin, ends = data.rate.ends.map(list), n = ends[0].length;
  let most = 0;
  // The last bin is as long as the test, at least half a bin.
  const lengthOf = (i) => i < n - 1 ? bin : Math.max(data.end / 1000 - i * bin, bin / 2);
  for (let i = 0; i < n; i++) most = Math.max(most, ends.reduce((sum, e) => sum + e[i], 0) / lengthOf(i));
  const y = linear(0, most * 1.05 || 1, c.bottom, c.top);
  verticalAxis(c, y, ticks(0, most * 1.05 || 1, 4), 'answers per second');
  for (let i = 0; i < n; i++) {
    const from = i * bin * 1000, length = lengthOf(i), to = Math.min(from + length * 1000, data.end);
    const x = c.x(from), width = Math.max(c.x(to) - x - 1, 0.7);
    let sum = 0;
    ends.forEach((e, end) => {
      if (!e[i]) return;
      svg('rect', { x, width, y: y((sum + e[i]) / length), height: y(sum / length) - y((sum + e[i]) / length), style: `fill:${OUTCOME_COLOURS[end]}` }, c.root);
      sum += e[i];
    });
    hover(svg('rect', { x, width: width + 1, y: c.top, height: c.bottom - c.top, fill: 'transparent' }, c.root),
      [`${inSeconds(from, 1)} to ${inSeconds(to, 1)}: ${sum} answers`, ...ends.map((e, end) => `${OUTCOMES[end]}: ${e[i]}`)]);
  }
  const holder = legendOf('throughput');
  holder.replaceChildren();
  OUTCOMES.forEach((name, end) => legendItem(holder, swatch(OUTCOME_COLOURS[end]), name));
  html('span', {}, holder, `by the time of the answer, in bins of ${bin} s; unknown includes no answer at all`);
}

function drawPhases() {
  const phases = list(data.phases), row = 24;
  if (!phases.length) { place('phases').replaceChildren(html('p', {}, null, 'There were no operations.')); return; }
  const c = canvas(place('phases'), 14 + phases.length * row + 40);
  const from = 262, to = c.width - 330, x = linear(0, 1, from, to), bottom = 14 + phases.length * row;
  for (const v of [0, 0.25, 0.5, 0.75, 1]) {
    svg('line', { class: 'grid', x1: x(v), x2: x(v), y1: 10, y2: bottom }, c.root);
    svg('text', { x: x(v), y: bottom + 16, 'text-anchor': 'middle' }, c.root, `${100 * v} %`);
  }
  svg('text', { x: to, y: bottom + 33, 'text-anchor': 'end' }, c.root, 'served, of what could be served');
  phases.forEach((p, i) => {
    const y = 14 + i * row, middle = y + row / 2 + 4, part = p.servable ? p.served / p.servable : 0;
    if (p.fault) svg('rect', { class: 'fault', x: 0, y, width: c.width, height: row }, c.root);
    const label = p.fault ? `${p.fault} ${p.kind}` : 'whole network'; // several faults at once have long names
    const name = svg('text', { x: 16, y: middle, class: p.fault ? 'fault' : '' }, c.root, label.length > 22 ? `${label.slice(0, 21)}…` : label);
    svg('title', {}, name, label);
    svg('text', { x: from - 12, y: middle, 'text-anchor': 'end' }, c.root, `${(p.from / 1000).toFixed(2)} – ${inSeconds(p.to, 2)}`);
    svg('rect', { x: from, y: y + 5, width: to - from, height: row - 10, style: 'fill:var(--nothing)' }, c.root);
    svg('rect', { x: from, y: y + 5, width: x(part) - from, height: row - 10, style: 'fill:var(--ok)' }, c.root);
    const rest = p.asked - p.servable;
    if (!p.servable) {
      svg('text', { x: to + 14, y: middle }, c.root, `none of ${count(rest)} could be served`);
      return;
    }
    svg('text', { x: to + 14, y: middle, class: 'strong' }, c.root, percent(p.served, p.servable));
    svg('text', { x: to + 74, y: middle }, c.root, `${count(p.served)} of ${count(p.servable)}${rest ? `; ${count(rest)} more could not be` : ''}`);
  });
}

function drawTypes() {
  const types = list(data.types), row = 24;
  if (!types.length) { place('types').replaceChildren(html('p', {}, null, 'Nodes sent each other nothing.')); return; }
  const c = canvas(place('types'), 16 + types.length * row + 14);
  const from = 160, x = linear(0, Math.max(...types.map((t) => t.per_served), 1e-9), from, c.width - 150);
  types.forEach((t, i) => {
    const y = 14 + i * row, middle = y + row / 2 + 4;
    svg('text', { x: from - 10, y: middle, 'text-anchor': 'end', class: 'strong' }, c.root, t.name.length > 22 ? `${t.name.slice(0, 21)}…` : t.name);
    svg('rect', { x: from, y: y + 4, width: Math.max(x(t.per_served) - from, 1), height: row - 8, rx: 2, style: `fill:${typeColour(t.name)};opacity:${isReply(t.name) ? 0.65 : 1}` }, c.root);
    svg('text', { x: x(t.per_served) + 8, y: middle }, c.root, `${t.per_served.toFixed(2)}  (${count(t.sent)})`);
  });
}

function drawCurves() {
  const names = list(data.functions).filter((f) => list(data.curves[f]).length);
  if (!names.length) { place('curves').replaceChildren(html('p', {}, null, 'Nothing was served.')); return; }
  const c = canvas(place('curves'), 300);
  c.top = 16; c.bottom = 250;
  const all = names.flatMap((f) => data.curves[f]).map((v) => Math.max(v, 0.01));
  const low = Math.min(...all) / 1.2, high = Math.max(...all) * 1.1;
  const x = logarithmic(low, high, LEFT, c.width - RIGHT), y = linear(0, 1, c.bottom, c.top);
  verticalAxis(c, y, [0, 0.25, 0.5, 0.75, 1], 'share of the served', (v) => `${100 * v} %`);
  let last = -Infinity;
  for (const v of logTicks(low, high)) {
    svg('line', { class: 'grid', x1: x(v), x2: x(v), y1: c.top, y2: c.bottom }, c.root);
    if (x(v) - last < 34) continue;
    last = x(v);
    svg('text', { x: x(v), y: c.bottom + 17, 'text-anchor': 'middle' }, c.root, v);
  }
  svg('text', { x: c.width - RIGHT, y: c.bottom + 36, 'text-anchor': 'end' }, c.root, 'latency, ms (logarithmic)');
  const holder = legendOf('curves');
  holder.replaceChildren();
  for (const name of names) {
    const values = data.curves[name], colour = colourOf(data.functions.indexOf(name));
    const d = values.map((v, i) => `${i ? 'L' : 'M'}${x(Math.max(v, 0.01)).toFixed(1)} ${y(i / (values.length - 1)).toFixed(1)}`).join('');
    svg('path', { d, style: `stroke:${colour};fill:none;stroke-width:2` }, c.root);
    const at = (q) => duration(values[Math.round(q * (values.length - 1))]);
    hover(svg('path', { d, class: 'hit' }, c.root), [name, `half within ${at(0.5)}`, `90 % within ${at(0.9)}`, `95 % within ${at(0.95)}`, `all within ${at(1)}`]);
    legendItem(holder, swatch(colour), name);
  }
}
