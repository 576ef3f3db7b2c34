// linePlot(element) draws curves as SVG; ranksPlot(element, …) a critical-difference diagram. Both take their colours from
// the classes k0 … k7 of the page.
const SVG = "http://www.w3.org/2000/svg";
const DASHES = ["", "7 4", "2 3", "9 3 2 3"];

function node(tag, attributes, parent, text) {
  const made = document.createElementNS(SVG, tag);
  for (const key in attributes) if (attributes[key] !== undefined && attributes[key] !== "") made.setAttribute(key, attributes[key]);
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

function element(tag, cls, parent, text) {
  const made = document.createElement(tag);
  if (cls) made.className = cls;
  if (text !== undefined) made.textContent = text;
  if (parent) parent.append(made);
  return made;
}

const SCALES = {
  linear: [(v) => v, (u) => u],
  sqrt: [(v) => Math.sqrt(Math.max(0, v)), (u) => u * u],
  log: [(v) => Math.log10(Math.max(1e-12, v)), (u) => 10 ** u],
};

// Round values between two ends, so that neighbours on the screen are at least `room` pixels apart: even steps on a linear
// scale, 1-2-5 on the others, and even steps there too when zoomed in so far that hardly any of those is left.
function ticks(low, high, at, room, linear) {
  const kept = [], inside = (v) => v >= low - 1e-9 * Math.abs(low) && v <= high + 1e-9 * Math.abs(high);
  const free = (v) => kept.every((other) => Math.abs(at(other) - at(v)) >= room);
  if (!linear) {
    const top = Math.ceil(Math.log10(Math.max(high, 1e-9)));
    if (inside(0)) kept.push(0);
    for (const digits of [[1], [2, 5], [3]]) for (const digit of digits) for (let e = top; e >= top - 9; e--) { const v = +(digit * 10 ** e).toPrecision(1); if (inside(v) && free(v)) kept.push(v); }
    if (kept.length > 2) return kept.sort((x, y) => x - y);
    kept.length = 0;
  }
  const pixels = Math.abs(at(high) - at(low)), rough = ((high - low) * room) / Math.max(1, pixels), unit = 10 ** Math.floor(Math.log10(rough || 1));
  const step = [1, 2, 2.5, 5, 10].map((k) => k * unit).find((each) => each >= rough) || unit * 10;
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-9; k++) if (linear || free(k * step)) kept.push(k * step);
  return kept;
}

const tidy = (v) => String(+v.toPrecision(4));
const FORMATS = {
  percent: (v) => tidy(v * 100) + " %",
  seconds: (v) => (v >= 7200 ? tidy(v / 3600) + " h" : v >= 120 ? tidy(v / 60) + " min" : tidy(v) + " s"),
  number: (v) => Math.round(v).toLocaleString("en").replace(/,/g, "\u202f"),
};

// A plot with zoom, crosshair and keys. draw({ series, x, y, known }) shows curves: series of { name, k, dash, x, y, hidden },
// steps if `step`; x and y are { scale, format, label, low, high }, where missing ends of y follow what is in view.
function linePlot(root) {
  let spec = null, view = null, at = -1, drag = null, width = 0;
  const HEIGHT = 270, LEFT = 58, RIGHT = 14, TOP = 8, BOTTOM = 40;
  const svg = node("svg", { tabindex: 0, role: "application", "aria-roledescription": "chart" }, root);
  const tip = element("div", "tip", root), live = element("div", "live", root);
  live.setAttribute("aria-live", "polite");
  tip.hidden = true;
  const clip = "clip" + Math.random().toString(36).slice(2);

  const shown = () => spec.series.filter((s) => !s.hidden && s.y);
  const [forward, back] = [(v) => SCALES[spec.x.scale][0](v), (u) => SCALES[spec.x.scale][1](u)];
  const ends = () => {
    const all = spec.series.filter((s) => s.y).flatMap((s) => [s.x[0], s.x[s.x.length - 1]]);
    return [forward(spec.x.low ?? Math.min(...all)), forward(spec.x.high ?? Math.max(...all))];
  };
  const px = (v) => LEFT + ((forward(v) - view[0]) / (view[1] - view[0] || 1)) * (width - LEFT - RIGHT);
  const valueAt = (pixel) => back(view[0] + ((pixel - LEFT) / (width - LEFT - RIGHT)) * (view[1] - view[0]));

  // The value of a curve at x: of the last point before it for steps, of the nearest otherwise.
  function reading(s, x) {
    let low = 0, high = s.x.length;
    while (low < high) { const mid = (low + high) >> 1; if (s.x[mid] <= x * (1 + 1e-12)) low = mid + 1; else high = mid; }
    let k = low - 1;
    if (!s.step && low < s.x.length && (k < 0 || Math.abs(forward(s.x[low]) - forward(x)) < Math.abs(forward(x) - forward(s.x[k])))) k = low;
    return k < 0 ? null : s.y[k];
  }

  function yRange() {
    const [a, b] = [back(view[0]), back(view[1])];
    let low = Infinity, high = -Infinity;
    for (const s of shown()) {
      const first = reading({ ...s, step: true }, a);
      if (first !== null && first !== undefined) { low = Math.min(low, first); high = Math.max(high, first); }
      s.x.forEach((x, i) => { if (x >= a && x <= b && s.y[i] !== null) { low = Math.min(low, s.y[i]); high = Math.max(high, s.y[i]); } });
    }
    for (const line of spec.known || []) { low = Math.min(low, line.y); high = Math.max(high, line.y); }
    if (low > high) [low, high] = [0, 1];
    const margin = (high - low) * 0.05 || Math.abs(high) * 0.01 || 0.01;
    return [spec.y.low ?? low - margin, spec.y.high ?? high + margin];
  }

  function paint() {
    width = Math.max(260, root.clientWidth);
    svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    svg.setAttribute("height", HEIGHT);
    svg.replaceChildren();
    if (!spec || !shown().length) {
      tip.hidden = true;
      node("text", { x: width / 2, y: HEIGHT / 2, "text-anchor": "middle" }, svg, spec && spec.series.some((s) => s.y) ? "all solvers are hidden" : "nothing to show for this class");
      return;
    }
    if (!view) view = ends();
    const [yLow, yHigh] = yRange(), fy = SCALES[spec.y.scale || "linear"][0];
    const py = (v) => HEIGHT - BOTTOM - ((fy(v) - fy(yLow)) / (fy(yHigh) - fy(yLow) || 1)) * (HEIGHT - TOP - BOTTOM);
    const box = node("clipPath", { id: clip }, node("defs", {}, svg));
    node("rect", { x: LEFT, y: 0, width: width - LEFT - RIGHT + 2, height: HEIGHT - BOTTOM + 2 }, box);
    for (const v of ticks(yLow, yHigh, py, 30, (spec.y.scale || "linear") === "linear")) {
      node("line", { class: "rule", x1: LEFT, x2: width - RIGHT, y1: py(v), y2: py(v) }, svg);
      node("text", { x: LEFT - 8, y: py(v) + 4, "text-anchor": "end" }, svg, FORMATS[spec.y.format](v));
    }
    for (const v of ticks(back(view[0]), back(view[1]), px, 54, spec.x.scale === "linear")) {
      node("line", { class: "axis", x1: px(v), x2: px(v), y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM + 4 }, svg);
      node("text", { x: Math.min(px(v), width - RIGHT - 8), y: HEIGHT - BOTTOM + 17, "text-anchor": "middle" }, svg, FORMATS[spec.x.format](v));
    }
    node("line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: HEIGHT - BOTTOM, y2: HEIGHT - BOTTOM }, svg);
    node("text", { x: (LEFT + width - RIGHT) / 2, y: HEIGHT - 5, "text-anchor": "middle" }, svg, spec.x.label);
    const layer = node("g", { "clip-path": `url(#${clip})` }, svg);
    for (const line of spec.known || []) {
      node("line", { class: "known", x1: LEFT, x2: width - RIGHT, y1: py(line.y), y2: py(line.y) }, layer);
      node("text", { x: width - RIGHT - 4, y: py(line.y) - 4, "text-anchor": "end" }, layer, line.label);
    }
    for (const s of shown()) {
      let path = "", pen = false, lastY = 0;
      s.x.forEach((x, i) => {
        if (s.y[i] === null || s.y[i] === undefined) { pen = false; return; }
        const [X, Y] = [px(x).toFixed(1), py(s.y[i]).toFixed(1)];
        path += pen ? (s.step ? `H${X}V${Y}` : `L${X},${Y}`) : `M${X},${Y}`;
        pen = true; lastY = Y;
      });
      if (s.step && spec.x.high && pen) path += `H${px(spec.x.high).toFixed(1)}V${lastY}`;
      node("path", { class: `curve k${s.k % 8}`, d: path, "stroke-dasharray": s.dash ?? DASHES[(s.k >> 3) % 4] }, layer);
    }
    if (drag) node("rect", { class: "span", x: Math.min(drag[0], drag[1]), width: Math.abs(drag[1] - drag[0]), y: TOP, height: HEIGHT - TOP - BOTTOM }, svg);
    if (at >= 0) paintCross(py);
    else tip.hidden = true;
  }

  function paintCross(py) {
    const x = valueAt(at);
    node("line", { class: "cross", x1: at, x2: at, y1: TOP, y2: HEIGHT - BOTTOM }, svg);
    const rows = shown().map((s) => [s, reading(s, x)]).filter(([, y]) => y !== null && y !== undefined);
    rows.sort((a, b) => b[1] - a[1]);
    for (const [s, y] of rows) node("circle", { class: `dot k${s.k % 8}`, cx: at, cy: py(y), r: 4 }, svg);
    tip.replaceChildren();
    element("strong", "", tip, FORMATS[spec.x.format](x));
    for (const [s, y] of rows.slice(0, 14)) {
      const row = element("div", "", tip);
      element("i", `swatch k${s.k % 8}`, row);
      element("span", "", row, s.name);
      element("b", "", row, FORMATS[spec.y.format](y));
    }
    tip.hidden = false;
    const left = at + 14 + tip.offsetWidth > root.clientWidth ? at - 14 - tip.offsetWidth : at + 14;
    tip.style.left = Math.max(0, left) + "px";
    tip.style.top = "12px";
    live.textContent = tip.innerText.replace(/\n+/g, " ");
  }

  function zoom(factor, pixel = (LEFT + width - RIGHT) / 2) {
    if (!view) return;
    const u = forward(valueAt(pixel)), [low, high] = ends();
    view = [Math.max(low, u - (u - view[0]) * factor), Math.min(high, u + (view[1] - u) * factor)];
    if (view[1] - view[0] < (high - low) * 1e-4) view = [u - (high - low) * 5e-5, u + (high - low) * 5e-5];
    paint();
  }
  function fit() { view = null; paint(); }
  function move(pixels) { at = at < 0 ? (LEFT + width - RIGHT) / 2 : Math.min(width - RIGHT, Math.max(LEFT, at + pixels)); paint(); }

  const KEYS = {
    ArrowRight: () => move(12), ArrowLeft: () => move(-12), "+": () => zoom(0.7), "=": () => zoom(0.7), "-": () => zoom(1 / 0.7), 0: fit, Home: fit,
    Escape: () => { at = -1; paint(); },
  };
  svg.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key] || !view) return;
    if (event.key === "Escape" && at < 0) return;
    event.preventDefault();
    event.stopPropagation();
    KEYS[event.key]();
  });
  const inside = (event) => Math.min(width - RIGHT, Math.max(LEFT, ((event.clientX - svg.getBoundingClientRect().left) / svg.clientWidth) * width));
  svg.addEventListener("wheel", (event) => {
    if (!(event.ctrlKey || document.activeElement === svg)) return;
    event.preventDefault();
    zoom(Math.exp(Math.max(-1, Math.min(1, event.deltaY * 0.0025))), inside(event));
  }, { passive: false });
  svg.addEventListener("pointerdown", (event) => { if (event.button === 0) { drag = [inside(event), inside(event)]; if (event.isTrusted) svg.setPointerCapture(event.pointerId); } });
  svg.addEventListener("pointermove", (event) => { if (!view) return; at = inside(event); if (drag) drag[1] = at; paint(); });
  svg.addEventListener("pointerup", () => {
    if (!drag) return;
    const [a, b] = [Math.min(...drag), Math.max(...drag)];
    drag = null;
    if (b - a > 8) view = [forward(valueAt(a)), forward(valueAt(b))];
    paint();
  });
  svg.addEventListener("pointercancel", () => { drag = null; paint(); });
  svg.addEventListener("pointerleave", () => { if (!drag && document.activeElement !== svg) { at = -1; paint(); } });
  svg.addEventListener("blur", () => { at = -1; paint(); });
  svg.addEventListener("dblclick", fit);
  new ResizeObserver(() => { if (root.clientWidth && Math.abs(root.clientWidth - width) > 1) paint(); }).observe(root);
  return {
    draw(next, keep) { spec = next; if (!keep) view = null; at = -1; svg.setAttribute("aria-label", next.title + ". Arrow keys read values, plus and minus zoom, 0 shows all."); paint(); },
    view: () => view && view.map(back),
    fit,
    zoom,
  };
}

// Mean ranks on a line, contenders on both sides, and bars that join those the test does not tell apart.
function ranksPlot(root, ranks, labels) {
  root.replaceChildren();
  if (!ranks) { element("p", "empty", root, "No instance of this class was played by two solvers or more."); return; }
  const width = Math.max(260, root.clientWidth), count = ranks.rank.length, half = Math.ceil(count / 2);
  const bars = ranks.cliques.length, side = Math.min(width * 0.3, 60 + 7 * Math.max(...ranks.contender.map((c) => labels[c].length)));
  const line = 66, first = line + 22 + bars * 9, height = first + half * 22 + 34;
  const x = (rank) => side + ((rank - 1) / Math.max(1, count - 1)) * (width - 2 * side);
  const svg = node("svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img" }, root);
  const words = ranks.contender.map((c, i) => `${labels[c]} ${ranks.rank[i].toFixed(2)}`).join(", ");
  node("title", {}, svg, `Mean ranks: ${words}. Critical difference ${ranks.difference.toFixed(2)}.`);
  const long = x(1 + ranks.difference) - x(1);
  node("line", { class: "axis", x1: x(1), x2: Math.min(width - 4, x(1) + long), y1: 22, y2: 22, "stroke-width": 2 }, svg);
  for (const end of [x(1), x(1) + long]) if (end <= width - 3) node("line", { class: "axis", x1: end, x2: end, y1: 17, y2: 27, "stroke-width": 2 }, svg);
  node("text", { x: x(1), y: 12 }, svg, `critical difference ${ranks.difference.toFixed(2)}`);
  node("line", { class: "axis", x1: x(1), x2: x(count), y1: line, y2: line }, svg);
  for (let r = 1; r <= count; r++) {
    node("line", { class: "axis", x1: x(r), x2: x(r), y1: line - 6, y2: line }, svg);
    node("text", { x: x(r), y: line - 10, "text-anchor": "middle" }, svg, r);
  }
  ranks.contender.forEach((c, i) => {
    const left = i < half, y = first + (left ? i : count - 1 - i) * 22 + 8, edge = left ? side - 8 : width - side + 8;
    node("path", { class: `leader k${c % 8}`, d: `M${x(ranks.rank[i])},${line}V${y}H${edge}` }, svg);
    node("circle", { class: `dot k${c % 8}`, cx: x(ranks.rank[i]), cy: line, r: 4.5 }, svg);
    const text = node("text", { class: "strong", x: left ? edge - 5 : edge + 5, y: y + 4, "text-anchor": left ? "end" : "start" }, svg);
    const room = Math.floor((side - 50) / 6.6), label = labels[c].length > room ? labels[c].slice(0, Math.max(4, room - 1)) + "…" : labels[c];
    text.textContent = left ? `${label}  ${ranks.rank[i].toFixed(2)}` : `${ranks.rank[i].toFixed(2)}  ${label}`;
    node("title", {}, text, labels[c]);
  });
  ranks.cliques.forEach(([a, b], i) => {
    const y = line + 12 + i * 9;
    node("line", { class: "clique", x1: x(ranks.rank[a]) - 3, x2: x(ranks.rank[b]) + 3, y1: y, y2: y }, svg);
  });
  const test = ranks.friedman === null ? "" : ` · all alike (Friedman): p ${ranks.friedman < 1e-4 ? "< 0.0001" : "= " + ranks.friedman.toFixed(4)}`;
  node("text", { x: width / 2, y: height - 6, "text-anchor": "middle" }, svg, `${ranks.instances} instances${test}`);
}
