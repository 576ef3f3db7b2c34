"use strict";
// The live page. "events" tells which runs have changed, "run" gives trace and chart of the one shown. What comes faster
// than it can be drawn is skipped: a chart is asked for only when the last one has been drawn and some time has passed.
(() => {
  const SHOWN_ROWS = 100, SHORTEST_PAUSE = 400, PATIENCE = 4; // milliseconds; pauses last as many times as a chart took
  const at = (id) => document.getElementById(id);
  const runs = new Map(), known = new Map(); // rows by number; traces and charts that were loaded
  let shown = null, following = true, chart = null, drawn = "", loading = false, resting = 0, ended = null, dirtyRows = false;

  // ---- words ----
  const group = (v) => String(v).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
  const number = (v) => (v === null || v === undefined ? "–" : group(Number.isInteger(v) ? v : +v.toFixed(3)));
  const percent = (v) => (v === null || v === undefined ? "–" : (100 * v).toFixed(2) + " %");
  const seconds = (v) => (v === null || v === undefined ? "–" : v < 100 ? v.toFixed(v < 1 ? 3 : v < 10 ? 2 : 1) + " s" : v < 7200 ? (v / 60).toFixed(1) + " min" : (v / 3600).toFixed(1) + " h");
  const timeOf = (r) => (r.finished || ended || r.seconds === undefined ? r.seconds : r.seconds + (performance.now() - r.told) / 1000);
  const gapOf = (r) => (r.objective === null || r.objective === undefined || r.lower_bound === null || r.lower_bound === undefined ? null : (r.objective - r.lower_bound) / Math.max(1, Math.abs(r.objective)));
  const toBest = (r) => (r.objective === null || r.objective === undefined || !r.best_known ? null : (r.objective - r.best_known) / r.best_known);
  const make = (tag, cls, parent, text) => {
    const node = document.createElement(tag);
    if (cls) node.className = cls;
    if (text !== undefined) node.textContent = text;
    if (parent) parent.append(node);
    return node;
  };

  // ---- news ----
  const source = new EventSource("events");
  source.onopen = () => { say("live", "live-on"); };
  source.onerror = () => { if (!ended) say("no connection: makespan was stopped or is out of reach", "live-off"); };
  source.onmessage = (message) => {
    const news = JSON.parse(message.data);
    for (const row of news.rows) runs.set(row.id, { ...row, told: performance.now() });
    for (const id of runs.keys()) if (id < news.oldest) { runs.delete(id); known.delete(id); }
    showProgress(news);
    if (news.scores.length && news.finished > 1) showScores(news.scores);
    dirtyRows = true;
    if (following && news.rows.length) select(newest([...runs.values()]).id);
    else showFacts();
    if (news.ended) { ended = news.ended; source.close(); say(ended === "finished" ? "finished: this page changes no more" : ended, ""); }
    requestAnimationFrame(paintRows);
    if (ended) { clearTimeout(resting); resting = 0; }
    load();
  };
  // A run that goes on before one that is over, then the one that began last.
  const newest = (rows) => rows.reduce((best, row) => ((Number(row.finished) - Number(best.finished) || best.id - row.id) < 0 ? row : best));
  function say(text, cls) { at("state").textContent = text; at("state").className = cls; }

  function showProgress({ finished, total, left }) {
    at("progress").max = Math.max(1, total);
    at("progress").value = finished;
    const ahead = left === null ? "" : `, about ${left < 120 ? Math.ceil(left) + " s" : seconds(left)} left`;
    at("progress-text").textContent = total > 1 ? `${group(finished)} of ${group(total)}${ahead}` : "";
    document.querySelector(".live-progress").hidden = total <= 1;
  }

  // ---- tables ----
  const COLUMNS = [
    ["instance", (r) => r.instance], ["solver", (r) => r.solver], ["seed", (r) => number(r.seed), 1], ["status", (r) => r.status],
    ["objective", (r) => number(r.objective), 1], ["bound", (r) => number(r.lower_bound), 1], ["gap", (r) => percent(gapOf(r)), 1],
    ["to best known", (r) => percent(toBest(r)), 1], ["time", (r) => seconds(timeOf(r)), 1],
  ];
  const SCORES = [
    ["set", (r) => r.set], ["budget", (r) => r.budget], ["solver", (r) => r.solver], ["runs", (r) => group(r.runs), 1], ["solved", (r) => group(r.solved), 1],
    ["optimal", (r) => group(r.optimal), 1], ["mean gap to best known", (r) => percent(r.mean_gap), 1], ["mean time", (r) => seconds(r.mean_seconds), 1],
  ];
  function table(node, columns, rows, dress) {
    node.replaceChildren();
    const head = make("tr", "", make("thead", "", node));
    for (const [title, , right] of columns) { const cell = make("th", right ? "live-number" : "", head, title); cell.scope = "col"; }
    const body = make("tbody", "", node);
    for (const row of rows) {
      const line = make("tr", "", body);
      for (const [, text, right] of columns) make("td", right ? "live-number" : "", line, text(row) ?? "");
      if (dress) dress(line, row);
    }
  }
  function showScores(rows) {
    at("scores-section").hidden = false;
    const used = (key) => new Set(rows.map((r) => r[key])).size > 1 || key === "solver";
    table(at("scores"), SCORES.filter(([title]) => !["set", "budget", "solver"].includes(title) || used(title)), rows);
  }
  function paintRows() {
    if (!dirtyRows) return;
    dirtyRows = false;
    const all = [...runs.values()].sort((a, b) => Number(a.finished) - Number(b.finished) || b.id - a.id), focused = document.activeElement?.dataset?.run;
    at("runs-section").hidden = all.length < 2;
    if (all.length < 2) return;
    table(at("runs"), COLUMNS, all.slice(0, SHOWN_ROWS), (line, row) => {
      line.tabIndex = 0;
      line.dataset.run = row.id;
      line.setAttribute("aria-selected", String(row.id === shown));
      line.children[3].className = row.finished ? (row.status === "error" ? "live-error" : "") : "live-running";
      if (row.message) line.title = row.message;
    });
    if (focused !== undefined) at("runs").querySelector(`[data-run="${focused}"]`)?.focus();
    const older = Math.max(0, Math.max(...runs.keys()) + 1 - SHOWN_ROWS);
    at("older").hidden = !older;
    at("older").textContent = `${group(older)} earlier runs are in the scores only.`;
  }
  const chosen = (event) => event.target.closest("tr[data-run]");
  at("runs").addEventListener("click", (event) => { const line = chosen(event); if (line) { follow(false); select(+line.dataset.run); } });
  at("runs").addEventListener("keydown", (event) => {
    const line = chosen(event);
    if (!line) return;
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); follow(false); select(+line.dataset.run); }
    const near = event.key === "ArrowDown" ? line.nextElementSibling : event.key === "ArrowUp" ? line.previousElementSibling : null;
    if (near) { event.preventDefault(); near.focus(); }
  });
  at("follow").addEventListener("click", () => follow(!following));
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "f" && !event.ctrlKey && !event.metaKey && !event.altKey && event.target.tagName !== "INPUT") follow(!following);
  });
  function follow(on) {
    following = on;
    at("follow").setAttribute("aria-pressed", String(on));
    if (on && runs.size) select(newest([...runs.values()]).id);
  }

  // ---- the run that is shown ----
  function select(id) {
    if (id !== shown) { shown = id; for (const line of at("runs").querySelectorAll("tr[data-run]")) line.setAttribute("aria-selected", String(+line.dataset.run === id)); }
    at("run").hidden = false;
    at("follow").hidden = runs.size < 2;
    showFacts();
    showTrace();
    showChart();
    load();
  }
  function showFacts() {
    const r = runs.get(shown);
    if (!r) return;
    at("run-title").textContent = r.instance || "instance without a name";
    const values = r.objectives && r.objectives.length > 1 ? r.objectives.map(number).join(", ") : number(r.objective);
    const facts = [["objective", values], ["bound", number(r.lower_bound)], ["gap", percent(gapOf(r))]];
    if (r.best_known) facts.push(["best known", number(r.best_known)], ["to best known", percent(toBest(r))]);
    facts.push(["status", r.status], ["time", seconds(timeOf(r))]);
    const small = [["solver", r.solver + (r.stage && r.stage !== r.solver ? `: ${r.stage}` : "")], ["seed", number(r.seed)]];
    if (r.budget) small.push(["budget", r.budget]);
    if (r.message) small.push(["message", r.message]);
    const list = at("facts");
    list.replaceChildren();
    for (const [term, text] of facts) { const item = make("div", "", list); make("dt", "", item, term); make("dd", "", item, text); }
    for (const [term, text] of small) { const item = make("div", "live-small", list); make("dt", "", item, term); make("dd", "", item, text); }
  }

  // ---- trace and chart: one request at a time ----
  async function load() {
    const r = runs.get(shown);
    if (!r || loading || resting || (document.hidden && !ended)) return;
    const have = known.get(r.id);
    if (have && have.complete && r.finished) return;
    if (have && have.seen === r && have.chart === r.chart) return;
    loading = true;
    const begin = performance.now();
    try {
      const answer = await fetch(`run?id=${r.id}&chart=${have ? have.chart : 0}`);
      if (answer.ok) {
        const found = await answer.json();
        known.set(r.id, { seen: r, trace: found.trace, chart: found.chart, data: found.data || (have && have.data), refused: found.refused, complete: r.finished });
        if (known.size > 30) known.delete(known.keys().next().value);
        if (r.id === shown) { showTrace(); showChart(); }
      } else known.set(r.id, { seen: r, trace: [], chart: r.chart, complete: r.finished });
    } catch { known.set(r.id, { seen: r, trace: [], chart: r.chart, ...have, complete: true }); note("The program has ended; of this run no more was loaded than the line above."); }
    const took = performance.now() - begin;
    loading = false;
    if (ended) load();
    else resting = setTimeout(() => { resting = 0; load(); }, Math.max(SHORTEST_PAUSE, PATIENCE * took));
  }
  document.addEventListener("visibilitychange", () => load());
  function note(text) { at("gantt-note").hidden = !text; at("gantt-note").textContent = text || ""; }

  // Nobody's search or drag is disturbed: the chart waits until the hand is off it.
  let held = false;
  at("gantt").addEventListener("pointerdown", () => { held = true; });
  window.addEventListener("pointerup", () => { held = false; showChart(); });
  at("gantt").addEventListener("focusout", () => setTimeout(showChart));
  function showChart() {
    const have = known.get(shown), box = at("gantt"), key = have && have.data ? `${shown}/${have.chart}` : `${shown}`;
    note(have && have.refused);
    if (key === drawn || held || (box.contains(document.activeElement) && document.activeElement.tagName === "INPUT")) return;
    const same = drawn.split("/")[0] === String(shown);
    const settings = chart ? chart.settings() : {}, focused = chart && box.contains(document.activeElement);
    if (chart) chart.close();
    box.replaceChildren();
    chart = null;
    drawn = key;
    if (!have || !have.data) return;
    const { from, to, find, ...lasting } = settings; // another run has other times and names
    chart = drawGantt(make("div", "", box), have.data, { height: Math.max(260, Math.round(window.innerHeight * 0.55)), ...(same ? settings : lasting) });
    if (focused) box.querySelector("canvas").focus();
  }

  // ---- trace: objective and bound over time, as steps ----
  const svg = (tag, attributes, parent, text) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    if (text !== undefined) node.textContent = text;
    parent.append(node);
    return node;
  };
  function ticks(low, high, count) {
    const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw)), size = [1, 2, 5, 10].map((k) => k * power).find((s) => s >= raw);
    const found = [];
    for (let t = Math.ceil(low / size) * size; t <= high * (1 + 1e-9); t += size) found.push(+t.toPrecision(12));
    return found;
  }
  function showTrace() {
    const r = runs.get(shown), have = known.get(shown), box = at("trace");
    const trace = have ? have.trace : [];
    box.replaceChildren();
    if (!r || !trace.length) return;
    const values = trace.flatMap(([, o, b]) => [o, b]).filter((v) => v !== null), last = trace[trace.length - 1];
    const until = Math.max(timeOf(r) || 0, last[0], 1e-3), width = Math.max(320, box.clientWidth), height = 190, left = 64, foot = 24, right = 96;
    if (!values.length) return;
    let low = Math.min(...values), high = Math.max(...values);
    if (low === high) { low -= 1; high += 1; }
    const room = (high - low) * 0.08;
    low -= room; high += room;
    const X = (t) => left + (t / until) * (width - left - right), Y = (v) => 8 + ((high - v) / (high - low)) * (height - foot - 8);
    const first = trace.find(([, o]) => o !== null), from = first ? number(first[1]) : "none", bound = number(last[2]);
    const chartText = `Objective from ${from} to ${number(last[1])}, bound ${bound}, in ${seconds(until)}`;
    const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": chartText, preserveAspectRatio: "none" }, box);
    for (const v of ticks(low, high, 4)) {
      if (Y(v) < 4 || Y(v) > height - foot) continue;
      svg("line", { class: "live-axis", x1: left, x2: width - right, y1: Y(v), y2: Y(v) }, root);
      svg("text", { x: left - 8, y: Y(v) + 4, "text-anchor": "end" }, root, number(v));
    }
    for (const t of ticks(0, until, 6)) svg("text", { x: X(t), y: height - 6, "text-anchor": "middle" }, root, `${+t.toPrecision(6)} s`);
    const steps = (k) => {
      let path = "", before = null;
      for (const point of trace) {
        if (point[k] === null || point[k] === before) continue;
        path += before === null ? `M${X(point[0])} ${Y(point[k])}` : `H${X(point[0])}V${Y(point[k])}`;
        before = point[k];
      }
      return path && path + `H${X(until)}`;
    };
    if (r.best_known && r.best_known >= low && r.best_known <= high) svg("line", { class: "live-best", x1: left, x2: width - right, y1: Y(r.best_known), y2: Y(r.best_known) }, root);
    for (const [k, cls] of [[2, "live-bound"], [1, "live-objective"]]) if (steps(k)) svg("path", { class: cls, d: steps(k) }, root);
    const labels = [];
    for (const [v, text] of [[last[1], "objective"], [last[2], "bound"], [r.best_known, "best known"]]) {
      if (v === null || v === undefined || v < low || v > high) continue;
      if (labels.every(({ y }) => Math.abs(y - Y(v)) >= 13)) labels.push({ y: Y(v), text });
    }
    for (const { y, text } of labels) svg("text", { x: width - right + 8, y: y + 4 }, root, text);
    if (last[1] !== null) svg("circle", { class: "live-now", cx: X(until), cy: Y(last[1]), r: 3.5 }, root);
  }
  new ResizeObserver(showTrace).observe(at("trace"));
  setInterval(() => {
    const r = runs.get(shown);
    if (r && !r.finished && !ended && !document.hidden) { showFacts(); showTrace(); dirtyRows = true; paintRows(); }
  }, 1000);
})();
