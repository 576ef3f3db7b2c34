// One instance in a dialog: its runs, traces and schedules, unpacked from its block when it is opened (see details.py).
const waiting = new Map();
// A side file calls this with the block of its instance.
function takeBlock(i, text) { waiting.get(i)?.(text); }
function blockOf(i) {
  const held = byId(`block-${i}`);
  if (held) return Promise.resolve(held.textContent);
  return new Promise((resolve, reject) => {
    waiting.set(i, resolve);
    const script = document.createElement("script");
    script.src = `${encodeURIComponent(DATA.folder)}/instances/${i}.js`;
    script.onerror = () => { script.remove(); reject(new Error(`${script.src} is missing: the folder ${DATA.folder} belongs beside this page.`)); };
    document.head.append(script);
  });
}
async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text());
}
const detail = {
  dialog: byId("detail"), at: -1, chart: null,
  async open(i) {
    this.at = i;
    const dialog = this.dialog;
    dialog.replaceChildren();
    const head = element("div", "detail-head", dialog);
    element("h2", "", head, ALL.name[i]).id = "detail-name";
    const reference = ALL.reference[i];
    element("span", "note", head, [ALL.set[i], ALL.size[i], reference === null ? "no reference" : `reference ${FORMATS.number(reference)} (${DATA.sources[ALL.source[i]]})`, ALL.lower[i] === null ? "" : `bound ${FORMATS.number(ALL.lower[i])}`].filter(Boolean).join(" · "));
    const buttons = element("span", "choice", head);
    for (const [text, title, act] of [["‹", "Previous (P)", () => this.step(-1)], ["›", "Next (N)", () => this.step(1)], ["✕", "Close (Esc)", () => dialog.close()]]) {
      const button = element("button", "", buttons, text);
      button.type = "button"; button.title = title;
      button.setAttribute("aria-label", title);
      button.addEventListener("click", act);
    }
    const body = element("div", "detail-body", dialog);
    if (!dialog.open) dialog.showModal();
    history.replaceState(null, "", "#instance=" + encodeURIComponent(ALL.name[i]));
    let details;
    try { details = await unpack(await blockOf(i)); } catch (error) { element("p", "empty", body, error.message); return; }
    if (this.at === i) this.fill(body, details, i);
  },
  step(by) {
    const here = visible.indexOf(this.at), next = visible[here + by];
    if (next !== undefined) this.open(next);
  },
  fill(body, { runs, traces, base, charts, why }, i) {
    const two = element("div", "two", body), left = element("div", "scroll", two), right = element("figure", "", two);
    const table = element("table", "data", left), head = element("tr", "", element("thead", "", table)), rows = element("tbody", "", table);
    ["solver", "seed", "status", "objective", "bound", "gap %", "seconds"].forEach((title, k) => { element("th", k === 0 || k === 2 ? "text" : "num", head, title).scope = "col"; });
    const reference = ALL.reference[i];
    for (const [c, seed, status, objective, bound, seconds] of runs) {
      const row = element("tr", "", rows), solver = element("td", "text", row);
      element("i", `swatch k${c % 8}`, solver);
      solver.append(LABELS[c]);
      const gap = objective === null || !(reference > 0) ? null : objective / reference - 1;
      [seed, status, objective === null ? "–" : FORMATS.number(objective), bound === null ? "–" : FORMATS.number(bound), gapText(gap), seconds].forEach((value, k) => element("td", k === 1 ? "text" : "num", row, value));
    }
    element("figcaption", "", right, "").innerHTML = "<b>Traces</b> objective of the best run of each solver, its bound dashed";
    const box = element("div", "plot", right), plot = linePlot(box);
    const series = traces.flatMap(([c, points]) => {
      const last = runs.find((run) => run[0] === c), end = Math.max(...points.map((p) => p[0]), last ? last[5] : 0);
      const curve = (k) => { const some = points.filter((p) => p[k] !== null); return { x: [...some.map((p) => Math.max(p[0], 0.001)), Math.max(end, 0.001)], y: some.length ? [...some.map((p) => p[k]), some[some.length - 1][k]] : null }; };
      return [{ name: LABELS[c], k: c, step: true, ...curve(1) }, { name: `${LABELS[c]}, bound`, k: c, step: true, dash: "5 4", ...curve(2) }];
    }).filter((s) => s.y);
    plot.draw({ title: "Traces", series, known: reference === null ? [] : [{ y: reference, label: "reference" }], x: { scale: "log", format: "seconds", label: "seconds" }, y: { format: "number" } });
    if (!charts) { element("p", "note", body, why || "No schedule was found."); return; }
    const bar = element("div", "bar", body);
    bar.style.marginTop = "16px";
    element("h2", "", bar, "Best schedules");
    const names = element("span", "choice", bar);
    names.setAttribute("role", "tablist");
    const frame = element("div", "gantt-box", body);
    const show = (k) => {
      const [, , changed] = charts[k];
      frame.replaceChildren();
      this.chart = drawGantt(element("div", "", frame), Object.fromEntries(Object.entries({ ...base, ...changed }).filter(([, v]) => v !== null)), { height: 460, theme: theme() });
    };
    tabs(charts.map(([c, seed], k) => {
      const button = element("button", "", names);
      button.type = "button";
      button.setAttribute("role", "tab");
      button.setAttribute("aria-selected", k === 0);
      element("i", `swatch k${c % 8}`, button);
      button.append(`${LABELS[c]}, seed ${seed}`);
      return button;
    }), show);
    show(0);
  },
};
detail.dialog.addEventListener("close", () => {
  history.replaceState(null, "", location.pathname + location.search);
  detail.dialog.replaceChildren();
  const row = byId("instance-table").querySelector(`tr[data-instance="${detail.at}"] button`);
  detail.at = -1; detail.chart = null;
  if (row) row.focus();
});
detail.dialog.addEventListener("click", (event) => { if (event.target === detail.dialog) detail.dialog.close(); });
if (asked.get("instance") && ALL.name.includes(asked.get("instance"))) detail.open(ALL.name.indexOf(asked.get("instance")));
