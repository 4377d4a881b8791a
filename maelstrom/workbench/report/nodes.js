// A strip per node: its role, how much it served, whether it was apart.

const ROLE_COLOURS = { leader: 'var(--leader)', follower: 'var(--follower)', candidate: 'var(--candidate)' };
const roleColour = (role) => Object.hasOwn(ROLE_COLOURS, role) ? ROLE_COLOURS[role] : 'var(--otherrole)';

function drawNodes() {
  const row = 44, all = list(data.strips);
  const c = timeChart('nodes', all.length * row + 6);
  all.forEach((strip, i) => drawStrip(c, strip, c.top + 6 + i * row));
  const holder = legendOf('nodes');
  holder.replaceChildren();
  const roles = new Set(all.flatMap((s) => list(s.roles).map((r) => r.role)));
  for (const role of ['leader', 'follower', 'candidate']) roles.delete(role);
  const known = all.some((s) => list(s.roles).length);
  if (known) for (const role of ['leader', 'follower', 'candidate', ...[...roles].slice(0, 4)]) legendItem(holder, swatch(roleColour(role)), role);
  legendItem(holder, swatch('var(--nothing)'), known ? 'role not known, or nothing asked' : 'roles are not known; nothing asked');
  legendItem(holder, swatch(servedColour(1, 1)), 'all served');
  legendItem(holder, swatch(servedColour(1, 2)), 'half');
  legendItem(holder, swatch(servedColour(0, 1)), 'none');
  legendItem(holder, (s) => svg('line', { x1: 1, x2: 13, y1: 7, y2: 7, style: 'stroke:var(--fault-edge);stroke-width:3' }, s), 'apart from every majority');
}

const servedColour = (part, whole) => whole ? `color-mix(in oklab, var(--ok) ${(100 * part / whole).toFixed(0)}%, var(--outcome-unknown))` : 'var(--nothing)';

function drawStrip(c, strip, y) {
  const bar = (from, to, dy, height, colour) => svg('rect', { x: c.x(from), y: y + dy, width: Math.max(c.x(to) - c.x(from), 1), height, style: `fill:${colour}` }, c.root);
  svg('text', { x: LEFT - 10, y: y + 19, 'text-anchor': 'end', class: 'strong' }, c.root, strip.node);
  bar(0, data.end, 0, 15, 'var(--nothing)');
  for (const r of list(strip.roles)) {
    hover(bar(r.from, r.to, 0, 15, roleColour(r.role)), [`${strip.node}: ${r.role} in term ${r.term}`, `${inSeconds(r.from)} to ${inSeconds(r.to)}`]);
    const text = [`term ${r.term}`, `${r.term}`].find((t) => t.length * 6.5 < c.x(r.to) - c.x(r.from) - 4);
    if (r.role === 'leader' && text) svg('text', { x: (c.x(r.from) + c.x(r.to)) / 2, y: y + 11.5, 'text-anchor': 'middle', class: 'onleader' }, c.root, text);
  }
  const bin = data.rate.bin * 1000;
  list(strip.asked).forEach((asked, i) => {
    const from = i * bin, to = i + 1 < strip.asked.length ? from + bin : data.end;
    hover(bar(from, to, 17, 11, servedColour(strip.served[i], asked)),
      [`${strip.node}: served ${strip.served[i]} of ${asked}`, `asked from ${inSeconds(from, 1)} to ${inSeconds(to, 1)}`]);
  });
  for (const [from, to] of list(strip.apart)) {
    hover(bar(from, to, 31, 4, 'var(--fault-edge)'), [`${strip.node}: apart from every majority`, `${inSeconds(from)} to ${inSeconds(to)}`]);
  }
}
