// drawGantt(element, data, options) draws one chart from the dict of chart_data() into an element; any number may
// stand on one page. Options: full (fills the page), height (pixels of an embedded chart), theme, rows ("resources" or
// "jobs"), critical, find, from, to, task. Returns its commands. Rows are made once (model.js); drawing touches only
// what is in view.
function drawGantt(root, data, options = {}) {
  const {
    n, hasJobs, clock, group, taskName, jobOf, shortName, colourOf, inkOf, wall, dateText, timeText, uses, rowsOf, neighbours, ticks, contextText, matches, describe,
  } = ganttModel(data);
  const AXIS = 40;
  const last = data.end.reduce((a, b) => Math.max(a, b), 0);
  const end = Math.max(1, last, data.lowerBound && data.objective.name === "makespan" ? data.lowerBound : 0);
  const begin = data.start.reduce((a, b) => Math.min(a, b), 0);
  const gone = new AbortController(); // ends what listens beyond the chart's own elements
  let fitted = true; // nobody has zoomed or moved
  const state = { rows: options.rows === "jobs" ? 1 : 0, critical: !!options.critical && !!data.slack, find: "", hover: -1, focus: -1, pinned: -1, top: 0, from: 0, to: 1 };

  const model = () => rowsOf(state.rows);

  // ---- page ----
  const make = (tag, cls, parent, text) => {
    const node = document.createElement(tag);
    if (cls) node.className = cls;
    if (text !== undefined) node.textContent = text;
    if (parent) parent.append(node);
    return node;
  };
  root.classList.add("gantt");
  root.classList.toggle("gantt-full", !!options.full);
  root.replaceChildren();
  const head = make("header", "gantt-head", root);
  make(options.full ? "h1" : "h2", "", head, data.title);
  const facts = [];
  const { name: goal, value } = data.objective, bound = data.lowerBound;
  const number = (v) => group(Number.isInteger(v) ? v : +v.toFixed(3));
  facts.push([goal.replace(/_/g, " "), number(value)]);
  if (bound !== undefined && bound !== null) {
    facts.push(["bound", number(bound)]);
    if (value > 0) facts.push(["gap", value <= bound ? "0 %, optimal" : (((value - bound) / value) * 100).toFixed(1) + " %"]);
  }
  if (clock && n) facts.push(["ends", dateText(last)]);
  if (data.solver) facts.push(["solver", data.solver]);
  facts.push(["tasks", group(n)]);
  if (hasJobs) facts.push(["jobs", group(data.jobs)]);
  facts.push(["resources", group(data.resources.length)]);
  const list = make("dl", "", head);
  for (const [term, text] of facts) { const item = make("div", "", list); make("dt", "", item, term); make("dd", "", item, text); }

  const bar = make("div", "gantt-bar", root);
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", "Chart");
  const button = (text, label, act, parent = bar) => {
    const b = make("button", "", parent, text);
    b.type = "button";
    b.title = label;
    b.setAttribute("aria-label", label);
    b.addEventListener("click", act);
    return b;
  };
  const set = (...buttons) => { const box = make("span", "gantt-set", bar); box.append(...buttons); };
  set(button("−", "Zoom out (−)", () => zoom(1.5)), button("+", "Zoom in (+)", () => zoom(1 / 1.5)), button("Fit", "Show all (0)", fit));
  const kinds = [button("Resources", "One row per resource (R)", () => setRows(0)), button(hasJobs ? "Jobs" : "Tasks", hasJobs ? "One row per job (R)" : "One row per task (R)", () => setRows(1))];
  set(...kinds);
  const criticalButton = button("Critical", "Mark tasks without slack (C)", () => setCritical(!state.critical));
  criticalButton.hidden = !data.slack;
  const search = make("input", "", bar);
  search.type = "search";
  search.placeholder = "Find a job, task or resource";
  search.setAttribute("aria-label", search.placeholder + " (press /)");
  const count = make("span", "gantt-count", bar);
  const themeButton = button("◐", "Light or dark (D)", () => setTheme(dark() ? "light" : "dark"));
  themeButton.classList.add("gantt-right");

  const scroll = make("div", "gantt-scroll", root);
  const canvas = make("canvas", "", scroll), filler = make("div", "gantt-filler", scroll);
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-roledescription", "Gantt chart");
  canvas.setAttribute("aria-label", `${data.title}: ${facts.map((f) => f.join(" ")).join(", ")}. Arrow keys move between tasks, Enter keeps a job marked, plus and minus zoom.`);
  const live = make("div", "gantt-live", root);
  live.setAttribute("aria-live", "polite");
  const tip = make("div", "gantt-tip", root);
  tip.setAttribute("role", "tooltip");
  tip.hidden = true;
  const ctx = canvas.getContext("2d");

  // ---- theme ----
  const media = window.matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : media.matches);
  let colour = {}, hatch = {};
  function readTheme() {
    const css = getComputedStyle(root);
    for (const key of ["bg", "fg", "muted", "grid", "stripe", "shade", "line", "late", "crit"]) colour[key] = css.getPropertyValue("--" + key).trim();
    const pattern = (ink, rising) => {
      const tile = document.createElement("canvas");
      tile.width = tile.height = 6;
      const c = tile.getContext("2d");
      c.strokeStyle = ink; c.lineWidth = 1.4; c.beginPath();
      for (const d of [-6, 0, 6]) { c.moveTo(d, rising ? 6 : 0); c.lineTo(d + 6, rising ? 0 : 6); }
      c.stroke();
      return ctx.createPattern(tile, "repeat");
    };
    hatch = { setup: pattern(colour.muted, true), journey: pattern(colour.line, false), held: pattern(colour.fg, true), late: pattern(colour.late, true) };
  }
  function setTheme(name) { if (name) root.dataset.theme = name; else delete root.dataset.theme; readTheme(); redraw(); }

  // ---- geometry ----
  let width = 800, height = 400, gutter = 80, printing = false;
  const measured = new Map();
  function textWidth(text) {
    let w = measured.get(text);
    if (w === undefined) { w = ctx.measureText(text).width; if (measured.size < 2e4) measured.set(text, w); }
    return w;
  }
  function clipped(text, room) {
    if (textWidth(text) <= room) return text;
    let low = 0, high = text.length;
    while (high - low > 1) { const mid = (low + high) >> 1; if (ctx.measureText(text.slice(0, mid) + "…").width <= room) low = mid; else high = mid; }
    return low ? text.slice(0, low).replace(/[\ud800-\udbff]$/, "") + "…" : "";
  }
  // The whole name, its last word ("Order 17" -> "17") or its beginning, whichever has room.
  function fitting(label, room) {
    if (textWidth(label) <= room) return label;
    const last = label.slice(label.lastIndexOf(" ") + 1);
    if (last.length < label.length && textWidth(last) <= room) return last;
    return room > 40 ? clipped(label, room) : "";
  }
  function arrange() {
    const { rows } = model(), weight = (r) => (found && !r.task.some((i) => found[i]) ? 0 : r.cap > 1 || r.units > 1 ? Math.min(5, 1.4 + r.units * 0.5) : 1);
    const room = (options.full ? height : options.height || 420) - AXIS - 4;
    const total = rows.reduce((s, r) => s + weight(r), 0);
    const unit = Math.max(22, Math.min(44, room / Math.max(1, total)));
    let y = 0;
    for (const r of rows) { r.top = y; r.height = Math.round(unit * weight(r)); y += r.height; }
    model().height = y;
    gutter = 60;
    for (const r of rows.slice(0, 500)) gutter = Math.max(gutter, textWidth(r.name) + 22);
    gutter = Math.min(gutter, 200, width * 0.3);
    filler.style.height = Math.max(0, y + AXIS + 2 - height) + "px";
  }
  function resize() {
    width = Math.max(200, scroll.clientWidth);
    if (printing) height = Math.min(6000, AXIS + model().height + 2);
    else if (options.full) height = Math.max(160, scroll.clientHeight);
    else { height = options.height || 420; arrange(); height = Math.min(height, model().height + AXIS + 2); }
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = width + "px";
    canvas.style.height = height + "px";
    if (!options.full) scroll.style.height = height + "px";
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.font = "12px system-ui, sans-serif";
    measured.clear();
    arrange();
    paint();
  }
  const plot = () => width - gutter - 8;
  const X = (t) => gutter + ((t - state.from) / (state.to - state.from)) * plot();
  const T = (x) => state.from + ((x - gutter) / plot()) * (state.to - state.from);
  const span = end - begin;
  function fit() { fitted = true; state.from = begin - span * 0.012; state.to = end + span * 0.02; redraw(); }
  function clampView() {
    fitted = false;
    const wide = Math.min(Math.max(state.to - state.from, Math.max(span * 1e-9, Math.min(2, span))), span * 1.5);
    let from = Math.min(Math.max(state.from, begin - wide * 0.25), end + wide * 0.25 - wide);
    if (wide > span * 1.25) from = begin + (span - wide) / 2;
    state.from = from; state.to = from + wide;
  }
  function zoom(factor, x = gutter + plot() / 2) {
    const t = T(x);
    state.from = t - (t - state.from) * factor;
    state.to = t + (state.to - t) * factor;
    clampView(); redraw();
  }
  function pan(pixels) {
    const dt = (pixels / plot()) * (state.to - state.from);
    state.from += dt; state.to += dt;
    clampView(); redraw();
  }
  let pending = 0;
  function redraw() { if (!pending) pending = requestAnimationFrame(() => { pending = 0; paint(); }); }

  // ---- painting ----
  let found = null;
  function lit() {
    if (found) return (i) => found[i] === 1;
    const chosen = state.hover >= 0 ? state.hover : state.pinned >= 0 ? state.pinned : -1;
    if (chosen >= 0 && !(state.hover >= 0 && state.critical)) {
      const j = jobOf(chosen);
      if (j >= 0) return (i) => jobOf(i) === j;
      const near = new Set([chosen, ...neighbours(chosen).flat()]);
      return (i) => near.has(i);
    }
    return state.critical ? (i) => data.slack[i] === 0 : null;
  }
  function firstVisible(r, t) {
    let low = 0, high = r.reach.length;
    while (low < high) { const mid = (low + high) >> 1; if (r.reach[mid] < t) low = mid + 1; else high = mid; }
    return low;
  }
  const box = (r, k, top) => {
    const tall = r.height - 6, unit = tall / r.units;
    return [top + 3 + tall - (r.y[k] + r.h[k]) * unit, r.h[k] * unit];
  };
  function eachProfile(resource, visit) {
    const [times, caps, period] = resource.calendar, count = times.length;
    let cycle = period ? Math.floor(Math.max(0, state.from) / period) : 0;
    for (let guard = 0; guard < 5000; cycle++, guard++)
      for (let k = 0; k < count; k++) {
        const a = cycle * period + times[k], b = k + 1 < count ? cycle * period + times[k + 1] : period ? (cycle + 1) * period : Infinity;
        if (a > state.to) return;
        if (b > state.from) visit(Math.max(a, state.from), Math.min(b, state.to), caps[k]);
        if (b === Infinity) return;
      }
  }
  function paintBackground(r, top, index) {
    if (index % 2) { ctx.fillStyle = colour.stripe; ctx.fillRect(gutter, top, plot() + 8, r.height); }
    if (r.resource === undefined) return;
    const resource = data.resources[r.resource], tall = r.height - 6, level = (c) => top + 3 + tall * (1 - c / r.units);
    const dense = resource.calendar && resource.calendar[2] > 0 && (resource.calendar[2] / (state.to - state.from)) * plot() < 4;
    if (dense) { ctx.globalAlpha = 0.5; ctx.fillStyle = colour.shade; ctx.fillRect(gutter, top, plot() + 8, r.height); ctx.globalAlpha = 1; }
    else if (resource.calendar) {
      ctx.fillStyle = colour.shade;
      eachProfile(resource, (a, b, c) => { if (c < r.cap) ctx.fillRect(X(a), c ? level(r.cap) : top, X(b) - X(a), c ? level(c) - level(r.cap) : r.height); });
    }
  }
  function paintCapacity(r, top) {
    if (r.resource === undefined || r.units === 1) return;
    const resource = data.resources[r.resource], tall = r.height - 6, level = (c) => Math.round(top + 3 + tall * (1 - c / r.units)) + 0.5;
    if (r.over) {
      ctx.fillStyle = hatch.late;
      for (let k = 0; k < r.steps.length; k += 2) {
        if (r.steps[k + 1] <= r.cap || r.steps[k] > state.to) continue;
        const a = X(r.steps[k]), b = X(r.steps[k + 2]);
        if (b > gutter) ctx.fillRect(a, level(r.steps[k + 1]), Math.max(1, b - a), level(r.cap) - level(r.steps[k + 1]));
      }
    }
    ctx.strokeStyle = r.over ? colour.late : colour.muted;
    ctx.setLineDash([5, 3]); ctx.beginPath();
    const dense = resource.calendar && resource.calendar[2] > 0 && (resource.calendar[2] / (state.to - state.from)) * plot() < 8;
    if (resource.calendar && !dense) eachProfile(resource, (a, b, c) => { ctx.lineTo(X(a), level(c)); ctx.lineTo(X(b), level(c)); });
    else { ctx.moveTo(gutter, level(r.cap)); ctx.lineTo(width, level(r.cap)); }
    ctx.stroke(); ctx.setLineDash([]);
  }
  function paintProfile(r, top) {
    const tall = r.height - 6, s = r.steps;
    ctx.fillStyle = colour.line; ctx.globalAlpha = 0.55; ctx.beginPath();
    let k = 0, column = -1, most = 0, usage = 0;
    while (k < s.length && s[k] <= state.from) { usage = s[k + 1]; k += 2; }
    for (let x = gutter; x < width; x++) {
      const until = T(x + 1);
      most = usage;
      for (; k < s.length && s[k] < until; k += 2) { usage = s[k + 1]; most = Math.max(most, usage); }
      if (most > 0) ctx.rect(x, top + 3 + tall * (1 - most / r.units), 1, (tall * most) / r.units);
    }
    ctx.fill(); ctx.globalAlpha = 1;
  }
  function paintRow(r, top, shows) {
    const first = firstVisible(r, state.from), last = r.from.length, right = width;
    let covered = -Infinity, visible = 0, dense = false;
    if (r.steps && r.units > 1) {
      for (let k = first; k < last && r.from[k] <= state.to; k++) visible++;
      dense = visible > plot() * 2;
      if (dense) paintProfile(r, top);
    }
    for (let k = first; k < last; k++) {
      if (r.from[k] > state.to) break;
      const task = r.task[k], x0 = X(r.from[k]), x1 = X(r.to[k]);
      if (x1 < gutter) continue;
      const dim = shows && !shows(task), [y, h] = box(r, k, top);
      if (dense && (dim || !shows)) continue; // on a profile only what was asked for
      if (h === 0) { // a milestone
        const d = Math.min(7, r.height / 3), mid = top + r.height / 2;
        ctx.globalAlpha = dim ? 0.16 : 1;
        ctx.fillStyle = colourOf(task); ctx.strokeStyle = colour.fg;
        ctx.beginPath(); ctx.moveTo(x0, mid - d); ctx.lineTo(x0 + d, mid); ctx.lineTo(x0, mid + d); ctx.lineTo(x0 - d, mid); ctx.closePath();
        ctx.fill(); ctx.stroke();
        continue;
      }
      const a = Math.max(x0, gutter - 2), b = Math.min(x1, right + 2);
      if (x1 - x0 < 1 && r.units === 1) {
        if (x0 < covered) continue;
        covered = Math.floor(x0) + 1;
      }
      ctx.globalAlpha = dim ? 0.16 : r.held[k] ? 0.35 : 1;
      ctx.fillStyle = colourOf(task);
      const w = Math.max(1, b - a - (b - a > 3 ? 1 : 0)), tall = Math.max(1, h - (h > 5 && r.units > 1 ? 1 : 0));
      ctx.fillRect(a, y, w, tall);
      if (r.held[k] && !dim) { ctx.fillStyle = hatch.held; ctx.fillRect(a, y, w, tall); }
      if (dim) continue;
      if (state.critical && data.slack[task] === 0 && w > 2) { ctx.strokeStyle = colour.crit; ctx.lineWidth = 2; ctx.strokeRect(a + 1, y + 1, w - 2, tall - 2); ctx.lineWidth = 1; }
      if (w > 10 && tall > 12 && !r.held[k]) {
        const label = state.rows && hasJobs ? (uses[task].length ? data.resources[uses[task][0][0]].name : taskName(task)) : shortName(task);
        const text = fitting(label, w - 4);
        if (text) { ctx.fillStyle = inkOf(task); ctx.fillText(text, a + (w - textWidth(text)) / 2, y + tall / 2 + 0.5); }
      }
    }
    ctx.globalAlpha = 1;
    for (const thin of r.thin) { // setups on the middle of their row, journeys along its foot
      if (thin.to < state.from) continue;
      if (thin.from > state.to) break;
      const x0 = X(thin.from), w = Math.max(1, X(thin.to) - x0), foot = thin.kind === "journey" && !state.rows;
      const y = foot ? top + r.height - 5 : top + r.height * 0.33, h = foot ? 4 : r.height * 0.34;
      ctx.globalAlpha = shows && !shows(thin.task) ? 0.25 : 1;
      ctx.fillStyle = hatch[thin.kind]; ctx.fillRect(x0, y, w, h);
      if (w > 4) { ctx.strokeStyle = thin.kind === "setup" ? colour.muted : colour.line; ctx.strokeRect(x0 + 0.5, y + 0.5, w - 1, h - 1); }
    }
    ctx.globalAlpha = 1;
  }
  function paintGaps(r, top, shows) {
    const mid = Math.round(top + r.height / 2) + 0.5;
    ctx.lineWidth = 2; ctx.setLineDash([2, 3]);
    for (const gap of r.gaps) {
      if (gap.to < state.from || gap.from > state.to) continue;
      ctx.strokeStyle = colourOf(gap.task); ctx.globalAlpha = shows && !shows(gap.task) ? 0.2 : 1;
      ctx.beginPath(); ctx.moveTo(X(gap.from), mid); ctx.lineTo(X(gap.to), mid); ctx.stroke();
    }
    ctx.setLineDash([]); ctx.lineWidth = 1; ctx.globalAlpha = 1;
  }
  function flag(t, top, tall, late, hard) {
    const x = Math.round(X(t)) + 0.5;
    if (x < gutter || x > width) return;
    ctx.strokeStyle = ctx.fillStyle = late ? colour.late : colour.fg;
    ctx.lineWidth = hard ? 3 : 1.5;
    ctx.beginPath(); ctx.moveTo(x, top + 2); ctx.lineTo(x, top + tall - 2); ctx.stroke();
    if (!hard) { ctx.beginPath(); ctx.moveTo(x, top + 2); ctx.lineTo(x - 7, top + 5.5); ctx.lineTo(x, top + 9); ctx.fill(); }
    ctx.lineWidth = 1;
  }
  function upright(t, text, ink, dash) {
    const x = Math.round(X(t)) + 0.5;
    if (x < gutter || x > width) return;
    ctx.strokeStyle = ctx.fillStyle = ink; ctx.setLineDash(dash); ctx.beginPath(); ctx.moveTo(x, AXIS - 6); ctx.lineTo(x, foot()); ctx.stroke(); ctx.setLineDash([]);
    if (text) { const w = textWidth(text) + 6, left = Math.min(x + 2, width - w); ctx.fillStyle = colour.bg; ctx.globalAlpha = 0.85; ctx.fillRect(left, foot() - 18, w, 16); ctx.globalAlpha = 1; ctx.fillStyle = ink; ctx.fillText(text, left + 3, foot() - 10); }
  }
  const top = (r) => AXIS + r.top - state.top;
  const foot = () => Math.min(height, AXIS + model().height - state.top);
  const anchor = (task, side) => {
    const { rows, place, at } = model(), r = rows[place[task]];
    if (!r || !r.height) return null;
    const [y, h] = box(r, at[task], top(r));
    return [X(side ? data.end[task] : data.start[task]), h ? y + h / 2 : top(r) + r.height / 2];
  };
  function paintLinks(task) {
    const [before, after] = neighbours(task);
    ctx.strokeStyle = colour.fg; ctx.globalAlpha = 0.75; ctx.lineWidth = 1.3;
    const join = (p, s) => {
      const a = anchor(p, 1), b = anchor(s, 0);
      if (!a || !b) return;
      const bend = Math.max(14, Math.abs(b[0] - a[0]) / 2);
      ctx.beginPath(); ctx.moveTo(...a); ctx.bezierCurveTo(a[0] + bend, a[1], b[0] - bend, b[1], b[0] - 4, b[1]); ctx.stroke();
      ctx.beginPath(); ctx.moveTo(b[0], b[1]); ctx.lineTo(b[0] - 6, b[1] - 3.5); ctx.lineTo(b[0] - 6, b[1] + 3.5); ctx.fill();
    };
    ctx.fillStyle = colour.fg;
    for (const p of before.slice(0, 60)) join(p, task);
    for (const s of after.slice(0, 60)) join(task, s);
    ctx.globalAlpha = 1; ctx.lineWidth = 1;
  }
  function outline(task, ink, thick) {
    const { rows } = model();
    for (const r of rows) {
      if (r.resource === undefined ? rows[model().place[task]] !== r : !uses[task].some(([k]) => k === r.resource)) continue;
      const y0 = top(r);
      if (!r.height || y0 + r.height < AXIS || y0 > height) continue;
      ctx.strokeStyle = ink; ctx.lineWidth = thick;
      for (let k = firstVisible(r, data.start[task]); k < r.task.length && r.from[k] <= data.end[task]; k++) {
        if (r.task[k] !== task) continue;
        const [y, h] = box(r, k, y0), x0 = X(r.from[k]), x1 = X(r.to[k]);
        if (h) ctx.strokeRect(x0 - 0.5, y - 0.5, Math.max(3, x1 - x0), h + 1);
        else ctx.strokeRect(x0 - 8, y0 + 3, 16, r.height - 6);
      }
      ctx.lineWidth = 1;
    }
  }
  function paint() {
    const { rows } = model();
    ctx.textBaseline = "middle";
    ctx.fillStyle = colour.bg; ctx.fillRect(0, 0, width, height);
    const low = rows.findIndex((r) => top(r) + r.height > AXIS), seen = [];
    for (let k = Math.max(0, low); k < rows.length && top(rows[k]) < height; k++) if (rows[k].height) seen.push([rows[k], k]);
    ctx.save(); ctx.beginPath(); ctx.rect(gutter, AXIS, width - gutter, height - AXIS); ctx.clip();
    for (const [r, k] of seen) paintBackground(r, top(r), k);
    const marks = ticks(state.from, state.to, Math.max(2, plot() / 74));
    ctx.strokeStyle = colour.grid; ctx.beginPath();
    for (const { t } of marks) { const x = Math.round(X(t)) + 0.5; ctx.moveTo(x, AXIS); ctx.lineTo(x, foot()); }
    ctx.stroke();
    const shows = lit();
    for (const [r] of seen) {
      if (r.gaps.length) paintGaps(r, top(r), shows);
      paintRow(r, top(r), shows);
      paintCapacity(r, top(r));
      if (r.due != null) flag(r.due, top(r), r.height, r.done > r.due, false);
      if (r.deadline != null) flag(r.deadline, top(r), r.height, r.done > r.deadline, true);
    }
    ctx.strokeStyle = colour.grid; ctx.beginPath();
    for (const [r] of seen) { const y = Math.round(top(r) + r.height) - 0.5; ctx.moveTo(gutter, y); ctx.lineTo(width, y); }
    ctx.stroke();
    const chosen = state.hover >= 0 ? state.hover : state.focus;
    if (chosen >= 0) {
      paintLinks(chosen);
      outline(chosen, colour.fg, 1.5);
      const j = jobOf(chosen), due = data.jobDue && j >= 0 && data.jobDue[j] != null ? data.jobDue[j] : data.due ? data.due[chosen] : null;
      if (due != null && !state.rows) upright(due, "due " + timeText(due), colour.late, [3, 3]);
    }
    if (state.focus >= 0) outline(state.focus, colour.crit, 3);
    ctx.restore();
    if (n) upright(last, "", colour.muted, []);
    if (bound != null && goal === "makespan" && bound < value) upright(bound, "bound " + number(bound), colour.line, [6, 4]);
    if (data.now) upright(data.now, "now", colour.late, []);
    ctx.fillStyle = colour.bg; ctx.fillRect(0, 0, gutter, height); ctx.fillRect(0, 0, width, AXIS);
    paintAxis(marks);
    ctx.save(); ctx.beginPath(); ctx.rect(0, AXIS, gutter, height - AXIS); ctx.clip();
    for (const [r] of seen) {
      const mid = top(r) + r.height / 2, two = r.cap > 1 && r.height >= 34;
      ctx.fillStyle = colour.fg; ctx.fillText(clipped(r.name, gutter - 14), 8, two ? mid - 8 : mid);
      if (two) { ctx.fillStyle = colour.muted; ctx.fillText("capacity " + group(r.cap), 8, mid + 8); }
    }
    ctx.restore();
    ctx.strokeStyle = colour.grid; ctx.beginPath(); ctx.moveTo(gutter - 0.5, 0); ctx.lineTo(gutter - 0.5, foot()); ctx.moveTo(0, AXIS - 0.5); ctx.lineTo(width, AXIS - 0.5); ctx.stroke();
  }
  function paintAxis(marks) {
    ctx.save(); ctx.beginPath(); ctx.rect(gutter, 0, width - gutter, AXIS); ctx.clip();
    ctx.fillStyle = colour.muted;
    const line = marks.context !== undefined ? 29 : 24;
    for (const { t, text } of marks) ctx.fillText(text, Math.max(gutter + 3, X(t) - textWidth(text) / 2), line);
    if (marks.context) {
      ctx.fillStyle = colour.fg;
      const parts = [[gutter, contextText(wall(state.from), marks.context)]];
      for (const { t, w } of marks) { const text = contextText(w, marks.context); if (text !== parts[parts.length - 1][1]) parts.push([X(t), text]); }
      parts.forEach(([x, text], k) => { const next = k + 1 < parts.length ? parts[k + 1][0] : width; if (next - x > textWidth(text) + 10) ctx.fillText(text, x + 4, 12); });
    }
    const share = (state.to - state.from) / (span * 1.02);
    if (share < 0.98) { ctx.fillStyle = colour.line; ctx.fillRect(gutter + ((state.from - begin) / (span * 1.02)) * plot(), 0, Math.max(8, share * plot()), 3); }
    ctx.restore();
    ctx.fillStyle = colour.muted;
    if (clock && clock.zone) ctx.fillText(clipped(clock.zone, gutter - 12), 8, 29);
  }

  // ---- what lies under the pointer ----
  function rowAt(y) { return y < AXIS ? null : model().rows.find((r) => y >= top(r) && y < top(r) + r.height) || null; }
  function hit(x, y) {
    const r = rowAt(y);
    if (!r || x < gutter) return null;
    const slack = (4 / plot()) * (state.to - state.from), t = T(x);
    let best = null, distance = Infinity;
    for (let k = firstVisible(r, t - 3 * slack); k < r.task.length && r.from[k] <= t + 3 * slack; k++) {
      const [y0, h] = box(r, k, top(r)), reach = h ? slack / 2 : 2 * slack;
      const away = Math.max(r.from[k] - t, t - r.to[k], 0), inside = !h || (y >= y0 - 1 && y <= y0 + h + 1);
      if (inside && away <= reach && (away < distance || (away === distance && !h))) { best = { task: r.task[k], held: r.held[k] }; distance = away; }
    }
    if (best && distance === 0) return best;
    const thin = r.thin.find((s) => s.from <= t && t <= s.to);
    return thin ? { task: thin.task, thin } : best;
  }
  function showTip(what, x, y) {
    tip.hidden = !what;
    if (!what) return;
    tip.replaceChildren();
    for (const [term, text] of describe(what)) {
      if (term === null) { make("strong", "", tip, text); continue; }
      const line = make("div", "", tip);
      make("span", "", line, term); make("b", "", line, text);
    }
    const area = root.getBoundingClientRect(), from = canvas.getBoundingClientRect();
    const left = from.left - area.left + x, up = from.top - area.top + y;
    tip.style.left = Math.max(4, left + 16 + tip.offsetWidth > area.width ? left - tip.offsetWidth - 12 : left + 16) + "px";
    tip.style.top = Math.max(4, up + 16 + tip.offsetHeight > area.height ? up - tip.offsetHeight - 12 : up + 16) + "px";
  }
  const say = (i) => { live.textContent = describe({ task: i }).map(([term, text]) => (term ? term + " " : "") + text).join(", "); };

  // ---- commands ----
  function setRows(kind) {
    state.rows = kind; state.top = 0; scroll.scrollTop = 0;
    kinds.forEach((b, k) => b.setAttribute("aria-pressed", String(k === kind)));
    arrange(); if (!options.full) resize(); else redraw();
    if (state.focus >= 0) reveal(state.focus);
  }
  function setCritical(on) { state.critical = on && !!data.slack; criticalButton.setAttribute("aria-pressed", String(state.critical)); redraw(); }
  function setFind(text) {
    state.find = text.trim().toLowerCase();
    found = null;
    if (state.find) {
      const marked = new Uint8Array(n);
      let total = 0;
      for (let i = 0; i < n; i++) if (matches(i, state.find)) { marked[i] = 1; total++; }
      found = marked;
      count.textContent = total === 1 ? "1 task" : group(total) + " tasks";
    } else count.textContent = "";
    scroll.scrollTop = state.top = 0;
    arrange(); redraw();
  }
  function reveal(i) {
    const r = model().rows[model().place[i]], wide = state.to - state.from;
    if (!r) return;
    if (data.end[i] < state.from + wide * 0.02 || data.start[i] > state.to - wide * 0.02) {
      state.from = (data.start[i] + data.end[i] - wide) / 2; state.to = state.from + wide;
      clampView();
    }
    if (r.top < state.top) scroll.scrollTop = r.top;
    else if (r.top + r.height > state.top + height - AXIS) scroll.scrollTop = r.top + r.height - height + AXIS;
    state.top = scroll.scrollTop;
  }
  function focusTask(i) {
    state.focus = i; state.hover = -1;
    if (i >= 0) { reveal(i); say(i); const [x, y] = anchor(i, 1) || [gutter, AXIS]; showTip({ task: i }, Math.min(Math.max(gutter, x), width - 20), y); }
    else showTip(null);
    redraw();
  }
  function step(direction, across) {
    const { rows, place, at } = model();
    if (state.focus < 0) { const r = rows.find((one) => one.task.length); return r && focusTask(r.task[Math.min(firstVisible(r, state.from), r.task.length - 1)]); }
    const i = state.focus, r = rows[place[i]];
    if (!across) {
      for (let k = at[i] + direction; k >= 0 && k < r.task.length; k += direction) if (r.task[k] !== i && at[r.task[k]] === k) return focusTask(r.task[k]);
      return;
    }
    for (let k = place[i] + direction; k >= 0 && k < rows.length; k += direction) {
      let best = -1;
      if (rows[k].height) rows[k].task.forEach((other) => { if (place[other] === k && (best < 0 || Math.abs(data.start[other] - data.start[i]) < Math.abs(data.start[best] - data.start[i]))) best = other; });
      if (best >= 0) return focusTask(best);
    }
  }
  function nextMatch() {
    if (!found) return;
    const order = Array.from(found.keys()).filter((i) => found[i]).sort((a, b) => data.start[a] - data.start[b]);
    if (order.length) focusTask(order[(order.indexOf(state.focus) + 1) % order.length]);
  }

  // ---- events ----
  const KEYS = {
    ArrowRight: () => step(1, false), ArrowLeft: () => step(-1, false), ArrowDown: () => step(1, true), ArrowUp: () => step(-1, true),
    "+": () => zoom(1 / 1.4), "=": () => zoom(1 / 1.4), "-": () => zoom(1.4), 0: fit, Home: fit,
    PageDown: () => { scroll.scrollTop += height * 0.8; }, PageUp: () => { scroll.scrollTop -= height * 0.8; },
    c: () => setCritical(!state.critical), r: () => setRows(1 - state.rows), d: () => setTheme(dark() ? "light" : "dark"), "/": () => search.focus(),
    Enter: () => { state.pinned = state.pinned >= 0 ? -1 : state.focus; redraw(); },
    Escape: () => { state.pinned = -1; search.value = ""; setFind(""); focusTask(-1); },
  };
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.shiftKey && (event.key === "ArrowLeft" || event.key === "ArrowRight")) { pan(event.key === "ArrowRight" ? 80 : -80); event.preventDefault(); return; }
    const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act) { event.preventDefault(); act(); }
  });
  canvas.addEventListener("wheel", (event) => {
    const over = event.offsetX < gutter, across = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (over || !(options.full || event.ctrlKey || document.activeElement === canvas)) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    if (across) pan((event.deltaX || event.deltaY) * lines);
    else zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0022)))), event.offsetX);
  }, { passive: false });
  const fingers = new Map();
  let dragged = 0;
  canvas.addEventListener("pointerdown", (event) => { canvas.setPointerCapture(event.pointerId); fingers.set(event.pointerId, event); dragged = 0; });
  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) {
      const what = hit(event.offsetX, event.offsetY), task = what ? what.task : -1;
      showTip(what, event.offsetX, event.offsetY);
      canvas.style.cursor = what ? "pointer" : event.offsetX > gutter ? "grab" : "default";
      if (task !== state.hover) { state.hover = task; redraw(); }
      return;
    }
    if (fingers.size === 2) {
      const other = [...fingers.values()].find((f) => f.pointerId !== event.pointerId);
      const was = Math.abs(before.offsetX - other.offsetX), is = Math.abs(event.offsetX - other.offsetX);
      if (was > 8 && is > 8) zoom(was / is, (event.offsetX + other.offsetX) / 2);
    } else {
      dragged += Math.abs(event.offsetX - before.offsetX) + Math.abs(event.offsetY - before.offsetY);
      if (dragged > 3) { tip.hidden = true; pan(before.offsetX - event.offsetX); scroll.scrollTop += before.offsetY - event.offsetY; }
    }
    fingers.set(event.pointerId, event);
  });
  canvas.addEventListener("pointerup", (event) => {
    fingers.delete(event.pointerId);
    if (dragged > 3) return;
    const what = hit(event.offsetX, event.offsetY);
    state.pinned = what && (!what || state.pinned < 0 || what.task !== state.pinned) ? what.task : -1;
    state.focus = what ? what.task : -1;
    redraw();
  });
  canvas.addEventListener("pointercancel", (event) => fingers.delete(event.pointerId));
  canvas.addEventListener("pointerleave", () => { state.hover = -1; tip.hidden = true; redraw(); });
  canvas.addEventListener("dblclick", (event) => zoom(0.5, event.offsetX));
  canvas.addEventListener("blur", () => { tip.hidden = true; });
  search.addEventListener("input", () => setFind(search.value));
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") nextMatch();
    if (event.key === "Escape") { search.value = ""; setFind(""); canvas.focus(); }
  });
  scroll.addEventListener("scroll", () => { state.top = scroll.scrollTop; redraw(); });
  media.addEventListener("change", () => setTheme(root.dataset.theme), { signal: gone.signal });
  let kept;
  window.addEventListener("beforeprint", () => { kept = root.dataset.theme; root.dataset.theme = "light"; printing = true; scroll.scrollTop = state.top = 0; tip.hidden = true; readTheme(); resize(); }, { signal: gone.signal });
  window.addEventListener("afterprint", () => { printing = false; if (kept) root.dataset.theme = kept; else delete root.dataset.theme; readTheme(); resize(); }, { signal: gone.signal });
  const sizes = new ResizeObserver(() => { if (!printing && scroll.clientWidth) resize(); });
  sizes.observe(scroll);

  if (options.theme) root.dataset.theme = options.theme;
  readTheme();
  fit();
  if (options.from !== undefined) { state.from = +options.from; state.to = options.to === undefined ? end : +options.to; clampView(); }
  setRows(state.rows);
  setCritical(state.critical);
  resize();
  if (options.find) { search.value = options.find; setFind(options.find); }
  if (options.task !== undefined && +options.task < n) { canvas.focus(); focusTask(+options.task); }
  // For a page that draws another chart in this one's place: what the reader has chosen, as options, and the end.
  const settings = () => ({
    rows: state.rows ? "jobs" : "resources", critical: state.critical, find: state.find, theme: root.dataset.theme, ...(fitted ? {} : { from: state.from, to: state.to }),
  });
  function close() { gone.abort(); sizes.disconnect(); root.replaceChildren(); }
  return { settings, close, view: () => [state.from, state.to], paint, fit, zoom, pan, rows: setRows, critical: setCritical, find: setFind, theme: setTheme, task: focusTask };
}
