// Who was a member, over time, and what was asked for.

const MEMBER_COLOURS = {
  voter: 'var(--leader)', witness: 'var(--witness)', learner: 'var(--learner)', 'leaving voter': 'var(--leaving)', 'not a member': 'var(--nothing)',
};
const CHANGE_COLOURS = { done: 'var(--ok)', refused: 'var(--failed)', unknown: 'var(--outcome-unknown)' };

function drawMembers() {
  if (!data.members) return;
  const eras = list(data.members.eras), row = 22;
  const c = timeChart('members', (data.nodes.length + 2) * row + 12);
  const name = (y, text) => svg('text', { x: LEFT - 10, y: y + 13, 'text-anchor': 'end', class: 'strong' }, c.root, text);
  const rect = (from, to, y, height, colour) => svg('rect', { class: 'band', x: c.x(from), y, width: Math.max(c.x(to) - c.x(from), 1), height, style: `fill:${colour}` }, c.root);
  let y = c.top + 6;
  name(y, 'changes');
  for (const a of list(data.members.asked)) {
    hover(rect(a.from, Math.max(a.to, a.from + data.end / 400), y + 2, 12, CHANGE_COLOURS[a.end]), [...a.words.filter(Boolean), `${inSeconds(a.from)}, took ${duration(a.to - a.from)}`]);
  }
  data.nodes.forEach((node, i) => {
    y += row;
    name(y, node);
    for (const e of eras) {
      const roles = list(e.roles[i]), height = 16 / roles.length;
      // Where several are possible, the band is divided among them.
      roles.forEach((role, k) => hover(rect(e.from, e.to, y + k * height, height, MEMBER_COLOURS[role]),
        [`${node}: ${roles.join(', or ')}`, `${inSeconds(e.from)} to ${inSeconds(e.to)}`]));
    }
  });
  y += row;
  name(y, 'voters');
  for (const e of eras) {
    const text = list(e.voters).join(' or ');
    if (text.length * 6.5 < c.x(e.to) - c.x(e.from)) svg('text', { x: (c.x(e.from) + c.x(e.to)) / 2, y: y + 13, 'text-anchor': 'middle' }, c.root, text);
  }
  membersLegend(eras);
}

function membersLegend(eras) {
  const holder = legendOf('members');
  holder.replaceChildren();
  const seen = new Set(eras.flatMap((e) => e.roles.flat()));
  for (const [role, colour] of Object.entries(MEMBER_COLOURS)) if (seen.has(role)) legendItem(holder, swatch(colour), role);
  for (const [end, colour] of Object.entries(CHANGE_COLOURS)) legendItem(holder, swatch(colour), `change ${end}`);
}
