"use strict";
// ganttModel(data): the dict of chart_data() as words, dates and rows, without a page; chart.js draws it.
function ganttModel(data) {
  const n = data.start.length, hasJobs = !!data.job, DAY = 864e5;

  // ---- words ----
  const group = (v) => String(v).replace(/\B(?=(\d{3})+(?!\d))/g, v >= 1e4 || v <= -1e4 ? "\u202f" : "");
  const taskName = (i) => (data.taskNames ? data.taskNames[i] : "task " + i);
  const jobName = (j) => (data.jobNames ? data.jobNames[j] : "job " + j);
  const jobOf = (i) => (hasJobs ? data.job[i] : -1);
  const shortName = (i) => (jobOf(i) >= 0 ? (data.jobNames ? data.jobNames[jobOf(i)] : String(jobOf(i))) : data.taskNames ? data.taskNames[i] : String(i));
  const colourOf = (i) => data.palette[(jobOf(i) >= 0 ? jobOf(i) : i) % data.palette.length];
  const ink = data.palette.map((c) => {
    const part = (k) => ((parseInt(c.slice(k, k + 2), 16) / 255) ** 2.2);
    return 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5) > 0.2 ? "#111" : "#fff";
  });
  const inkOf = (i) => ink[(jobOf(i) >= 0 ? jobOf(i) : i) % ink.length];

  // ---- clock: wall(t) is the local date as a UTC timestamp, moment(wall) its inverse ----
  const clock = data.clock;
  function offsetAt(second) {
    let low = 0, high = clock.offsets.length / 2;
    while (high - low > 1) { const mid = (low + high) >> 1; if (clock.offsets[2 * mid] <= second) low = mid; else high = mid; }
    return clock.offsets[2 * low + 1];
  }
  const wall = (t) => clock.origin + 1000 * (t * clock.unit + offsetAt(t * clock.unit));
  function moment(w) {
    let second = (w - clock.origin) / 1000;
    for (let k = 0; k < 3; k++) second = (w - clock.origin) / 1000 - offsetAt(second);
    return second / clock.unit;
  }
  const two = (v) => String(v).padStart(2, "0");
  const WEEK = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
  const MONTH = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const dayText = (d) => `${WEEK[d.getUTCDay()]} ${d.getUTCDate()} ${MONTH[d.getUTCMonth()]} ${d.getUTCFullYear()}`;
  const hourText = (d, fine) => two(d.getUTCHours()) + ":" + two(d.getUTCMinutes()) + (fine ? ":" + two(d.getUTCSeconds()) : "");
  function dateText(t) {
    const d = new Date(wall(t));
    return dayText(d) + " " + hourText(d, clock.unit % 60 !== 0);
  }
  function spanText(v) {
    let left = Math.round(v * clock.unit), out = [];
    for (const [size, word] of [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]]) {
      const whole = Math.floor(left / size);
      if (whole && out.length < 2) out.push(`${group(whole)} ${word}`);
      left -= whole * size;
    }
    return out.join(" ") || "0 s";
  }
  const lasts = (v) => (clock ? spanText(v) : group(v));
  const timeText = (t) => (clock ? dateText(t) : group(t));

  // ---- model: rows of pieces sorted by start, with the furthest end so far for quick clipping ----
  const pieces = data.pieces || {};
  const eachPiece = (i, visit) => {
    const flat = pieces[i];
    if (!flat) return visit(data.start[i], data.end[i], 0);
    for (let k = 0; k < flat.length; k += 3) visit(flat[k], flat[k + 1], flat[k + 2]);
  };
  const eachGap = (i, visit) => {
    const flat = pieces[i] || [];
    for (let k = 3; k < flat.length; k += 3) if (flat[k] > flat[k - 2]) visit({ task: +i, from: flat[k - 2], to: flat[k] });
  };
  const uses = Array.from({ length: n }, () => []);
  data.use[0].forEach((task, k) => uses[task].push([data.use[1][k], data.use[2][k]]));
  const usesNothing = (i) => uses[i].length === 0;

  // Each piece lies on those that started before it and falls when one below ends, so the height is the usage. After
  // a million pieces the rest stay where they are.
  function stacked(items) {
    const events = [];
    items.forEach((item, k) => { if (item.to > item.from) events.push([item.from, 1, k], [item.to, 0, k]); });
    events.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
    const live = [], out = items.filter((item) => item.to <= item.from).map((item) => ({ ...item, y: 0, h: 0 })), steps = [];
    let usage = 0, most = 0;
    for (let e = 0; e < events.length; ) {
      const now = events[e][0];
      let low = live.length;
      for (; e < events.length && events[e][0] === now && events[e][1] === 0; e++) {
        const at = live.findIndex((bar) => bar.k === events[e][2]);
        const bar = live.splice(at, 1)[0];
        out.push({ ...items[bar.k], from: bar.from, to: now, y: bar.y, h: items[bar.k].amount });
        usage -= items[bar.k].amount;
        low = Math.min(low, at);
      }
      let y = low > 0 ? live[low - 1].y + items[live[low - 1].k].amount : 0;
      for (let k = low; k < live.length && out.length < 1e6; k++) {
        const bar = live[k], h = items[bar.k].amount;
        if (bar.y !== y) {
          if (now > bar.from) out.push({ ...items[bar.k], from: bar.from, to: now, y: bar.y, h });
          bar.y = y; bar.from = now;
        }
        y += h;
      }
      for (; e < events.length && events[e][0] === now; e++) {
        live.push({ k: events[e][2], from: now, y: usage });
        usage += items[events[e][2]].amount;
      }
      most = Math.max(most, usage);
      steps.push(now, usage);
    }
    return { out, most, steps };
  }
  function lanes(items) {
    items.sort((a, b) => a.from - b.from || a.to - b.to);
    const free = [];
    for (const item of items) {
      let lane = free.findIndex((t) => t <= item.from);
      if (lane < 0) lane = free.length < 300 ? free.push(0) - 1 : item.task % 300;
      free[lane] = item.last;
      item.y = lane;
      item.h = item.to > item.from ? 1 : 0;
    }
    return Math.max(1, free.length);
  }
  function row(name, list, extra) {
    list.sort((a, b) => a.from - b.from || a.y - b.y);
    const m = list.length, r = { name, task: new Int32Array(m), from: new Float64Array(m), to: new Float64Array(m), reach: new Float64Array(m), y: new Float64Array(m), h: new Float64Array(m), held: new Uint8Array(m), thin: [], gaps: [], ...extra };
    let reach = -Infinity;
    list.forEach((item, k) => {
      r.task[k] = item.task; r.from[k] = item.from; r.to[k] = item.to; r.y[k] = item.y; r.h[k] = item.h; r.held[k] = item.held;
      r.reach[k] = reach = Math.max(reach, item.to);
    });
    return r;
  }
  function laneRow(name, tasks, extra) {
    const list = [], held = [];
    for (const task of tasks) {
      const first = list.length;
      eachPiece(task, (from, to, h) => list.push({ task, from, to, held: h, last: to }));
      held.push([first, list.length]);
    }
    const heads = held.map(([a, b]) => ({ task: list[a].task, from: list[a].from, to: list[b - 1].to, last: list[b - 1].to, a, b }));
    const units = lanes(heads);
    for (const head of heads) for (let k = head.a; k < head.b; k++) { list[k].y = head.y; list[k].h = list[k].to > list[k].from ? 1 : 0; }
    const r = row(name, list, { units, cap: 0, ...extra });
    for (const task of tasks) eachGap(task, (gap) => r.gaps.push(gap));
    return r;
  }
  function resourceRows() {
    const items = data.resources.map(() => []), out = [];
    for (let task = 0; task < n; task++)
      for (const [k, amount] of uses[task]) eachPiece(task, (from, to, held) => items[k].push({ task, from, to, held, amount }));
    data.resources.forEach((resource, k) => {
      const s = stacked(items[k]);
      out.push(row(resource.name, s.out, { resource: k, cap: resource.capacity, units: Math.max(1, resource.capacity, s.most), steps: s.steps, over: s.most > resource.capacity }));
    });
    for (const i of Object.keys(pieces)) for (const [k] of uses[i]) eachGap(i, (gap) => out[k].gaps.push(gap));
    (data.setups || []).forEach(([k, task, from, to]) => out[k].thin.push({ kind: "setup", task, from, to }));
    (data.journeys || []).forEach(([pred, task, from, to]) => {
      if (uses[task].length) out[uses[task][0][0]].thin.push({ kind: "journey", task, pred, from, to });
    });
    const rest = [];
    for (let task = 0; task < n; task++) if (usesNothing(task)) rest.push(task);
    if (rest.length) out.push(laneRow("no resource", rest));
    return out;
  }
  function jobRows() {
    if (!hasJobs) {
      const order = Array.from({ length: n }, (_, i) => i);
      return order.map((i) => laneRow(taskName(i), [i], { owner: i, due: data.due && data.due[i], deadline: data.deadline && data.deadline[i], done: data.end[i] }));
    }
    const members = Array.from({ length: data.jobs }, () => []), rest = [];
    data.job.forEach((j, i) => (j >= 0 ? members[j] : rest).push(i));
    const out = members.map((tasks, j) => laneRow(jobName(j), tasks, { owner: j, due: data.jobDue && data.jobDue[j], deadline: data.jobDeadline && data.jobDeadline[j], done: tasks.reduce((t, i) => Math.max(t, data.end[i]), 0) }));
    (data.journeys || []).forEach(([pred, task, from, to]) => out[data.job[task]].thin.push({ kind: "journey", task, pred, from, to }));
    if (rest.length) out.push(laneRow("no job", rest));
    return out;
  }
  const models = [];
  function rowsOf(kind) { // 0: resources, 1: jobs; made when first shown
    if (!models[kind]) {
      const rows = kind ? jobRows() : resourceRows(), place = new Int32Array(n).fill(-1), at = new Int32Array(n);
      rows.forEach((r, k) => r.task.forEach((task, p) => { if (place[task] < 0) { place[task] = k; at[task] = p; } }));
      for (const r of rows) r.thin.sort((a, b) => a.from - b.from);
      models[kind] = { rows, place, at };
    }
    return models[kind];
  }
  let links = null; // neighbours by arcs, made when first needed
  function neighbours(task) {
    if (!links) {
      links = { before: new Map(), after: new Map() };
      const put = (map, key, value) => (map.has(key) ? map.get(key).push(value) : map.set(key, [value]));
      if (data.arcs) data.arcs[0].forEach((p, k) => { put(links.after, p, data.arcs[1][k]); put(links.before, data.arcs[1][k], p); });
    }
    return [links.before.get(task) || [], links.after.get(task) || []];
  }

  // ---- axis ----
  const STEPS = [1, 5, 15, 30, 60, 300, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 1209600];
  function ticks(from, to, wanted) {
    const out = [];
    if (!clock) {
      const raw = (to - from) / wanted, base = 10 ** Math.floor(Math.log10(raw));
      const step = Math.max(1, base * ([1, 2, 5, 10].find((m) => m * base >= raw) || 10));
      for (let t = Math.ceil(from / step) * step; t <= to && out.length < 200; t += step) out.push({ t, text: group(Math.round(t)) });
      return out;
    }
    const a = wall(from), b = wall(to), raw = (b - a) / 1000 / wanted;
    const step = STEPS.find((s) => s >= raw);
    if (step) {
      const ms = step * 1000, shift = step >= 604800 ? 4 * DAY : 0;
      for (let w = Math.ceil((a - shift) / ms) * ms + shift; w <= b && out.length < 200; w += ms) {
        const d = new Date(w);
        out.push({ t: moment(w), w, text: step < 86400 ? hourText(d, step < 60) : step < 604800 ? `${WEEK[d.getUTCDay()]} ${d.getUTCDate()}` : `${d.getUTCDate()} ${MONTH[d.getUTCMonth()]}` });
      }
      out.context = step < 86400 ? "day" : "month";
    } else {
      const months = [1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 6000].find((m) => m * 2.63e6 >= raw) || 12000;
      const d = new Date(a);
      let m = Math.ceil((d.getUTCFullYear() * 12 + d.getUTCMonth()) / months) * months;
      for (; out.length < 200; m += months) {
        const w = Date.UTC(Math.floor(m / 12), m % 12, 1);
        if (w > b) break;
        if (w >= a) out.push({ t: moment(w), w, text: months < 12 ? MONTH[m % 12] : String(m / 12) });
      }
      out.context = months < 12 ? "year" : "";
    }
    return out;
  }
  function contextText(w, kind) {
    const d = new Date(w);
    return kind === "day" ? dayText(d) : kind === "month" ? MONTH[d.getUTCMonth()] + " " + d.getUTCFullYear() : String(d.getUTCFullYear());
  }

  // ---- tasks in words ----
  function matches(i, q) {
    return taskName(i).toLowerCase().includes(q) || (jobOf(i) >= 0 && jobName(jobOf(i)).toLowerCase().includes(q)) || uses[i].some(([k]) => data.resources[k].name.toLowerCase().includes(q));
  }
  const jobDone = [];
  function describe({ task: i, held, thin }) {
    const j = jobOf(i), out = [[null, taskName(i)]];
    if (thin) out.push([thin.kind === "setup" ? "setup" : "transport", `${timeText(thin.from)} – ${timeText(thin.to)} (${lasts(thin.to - thin.from)})`]);
    if (held) out.push(["here", "occupied, not advancing"]);
    if (j >= 0) out.push(["job", jobName(j)]);
    if (uses[i].length) out.push([uses[i].length > 1 ? "resources" : "resource", uses[i].map(([k, a]) => data.resources[k].name + (data.resources[k].capacity !== 1 || a !== 1 ? ` × ${group(a)}` : "")).join(", ")]);
    if (data.mode) out.push(["mode", String(data.mode[i])]);
    out.push(["time", `${group(data.start[i])} – ${group(data.end[i])} (${group(data.end[i] - data.start[i])})`]);
    if (clock) out.push(["start", dateText(data.start[i])], ["end", dateText(data.end[i])], ["lasts", spanText(data.end[i] - data.start[i])]);
    if (pieces[i]) { const breaks = pieces[i].length / 3 - 1; out.push(["pieces", `${breaks + 1}`]); }
    if (data.release && data.release[i]) out.push(["release", timeText(data.release[i])]);
    const late = (due, done) => timeText(due) + (done > due ? `, late by ${lasts(done - due)}` : "");
    if (data.due && data.due[i] != null) out.push(["due", late(data.due[i], data.end[i])]);
    if (data.deadline && data.deadline[i] != null) out.push(["deadline", late(data.deadline[i], data.end[i])]);
    if (j >= 0 && (data.jobDue || data.jobDeadline)) {
      if (jobDone[j] === undefined) jobDone[j] = data.job.reduce((t, other, k) => (other === j ? Math.max(t, data.end[k]) : t), 0);
      if (data.jobDue && data.jobDue[j] != null) out.push(["job due", late(data.jobDue[j], jobDone[j])]);
      if (data.jobDeadline && data.jobDeadline[j] != null) out.push(["job deadline", late(data.jobDeadline[j], jobDone[j])]);
    }
    if (data.slack) out.push(["slack", data.slack[i] === 0 ? "none: critical" : lasts(data.slack[i])]);
    return out;
  }
  return {
    n, hasJobs, clock, group, taskName, jobOf, shortName, colourOf, inkOf, wall, dateText, timeText, uses, rowsOf, neighbours, ticks, contextText, matches, describe,
  };
}
