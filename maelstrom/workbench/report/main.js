// Draws everything, again when the width changes, and says when it is done.

function drawAll() {
  for (const draw of [drawLatency, drawThroughput, drawNodes, drawMembers, drawPhases, drawTypes, drawCurves, drawLamport]) draw();
}

let pending = 0;
let drawnAt = innerWidth;
addEventListener('resize', () => {
  clearTimeout(pending);
  pending = setTimeout(() => { if (innerWidth !== drawnAt) { drawnAt = innerWidth; drawAll(); } }, 150);
});
setUpLamport();
drawAll();
addEventListener('hashchange', followHash);
followHash();
document.documentElement.dataset.ready = 'yes';
