// The map: what is drawn and what can be done with it. What comes from samples is put into the page
// as text of nodes and as pixels, never as HTML.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);

  // ---- what came with the page ----------------------------------------------------------------

  const decoded = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  const numbers = (Kind, text) => new Kind(decoded(text).buffer);

  const rows = numbers(Int32Array, data.rows);
  const n = rows.length;
  const indexOf = new Map(Array.from(rows, (row, i) => [row, i]));
  const places = numbers(Uint16Array, data.places);
  const X = Float64Array.from({ length: n }, (_, i) => places[2 * i] / 65535);
  const Y = Float64Array.from({ length: n }, (_, i) => 1 - places[2 * i + 1] / 65535);
  const each = data.neighbors.each;
  const nearest = numbers(Uint16Array, data.neighbors.rows);
  const distances = numbers(Float32Array, data.neighbors.distances);
  const isQuantity = data.classes === null;
  const classes = isQuantity ? [] : data.classes.slice();
  const before = isQuantity ? data.labels : numbers(Int32Array, data.labels);
  const given = new Map(); // index of a sample -> number of its class, -1 for none, or a quantity
  const guesses = data.colours.prediction && {
    classes: data.colours.prediction.classes,
    numbers: numbers(Int32Array, data.colours.prediction.numbers),
  };
  const clusters = data.colours.cluster && numbers(Int32Array, data.colours.cluster);
  const shares = {};
  for (const name of ["confidence", "suspicion"]) {
    if (data.colours[name]) shares[name] = numbers(Float32Array, data.colours[name]);
  }
  const shown = data.samples;

  const rounded = (number) => String(Number.isInteger(number) ? number : Number(number.toPrecision(6)));
  // Without a label: -1 among numbers of classes, null among quantities.
  const nothing = isQuantity ? null : -1;
  const labelOf = (i) => (given.has(i) ? given.get(i) : before[i]);
  const valueOf = (label) => (label === nothing ? null : isQuantity ? label : classes[label]);
  const textOf = (label) => (label === nothing ? "none" : isQuantity ? rounded(label) : String(valueOf(label)));

  // ---- small helpers --------------------------------------------------------------------------

  function node(name, properties = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (key in made) made[key] = value;
      else made.setAttribute(key, value);
    }
    made.append(...children);
    return made;
  }
  const say = (text) => { $("status").textContent = text; };
  const many = (count, what) => `${count.toLocaleString("en")} ${what}${count === 1 ? "" : "s"}`;
  const short = (number) => String(Number(number.toPrecision(4)));
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  // ---- colours --------------------------------------------------------------------------------

  const PALETTE = ["#4477d0", "#ee7f1a", "#2f9e55", "#d8414a", "#8e5cc7", "#8a5a3c", "#dd6fb4",
    "#16a9b8", "#a9a51c", "#6b7fa8"];
  const RAMPS = { // from low to high, on light and on dark
    light: { more: ["#cfe3f3", "#7fb3dd", "#3b7fc4", "#174a8c", "#0a2450"],
      alarm: ["#cdd3d9", "#e0b48f", "#e07b4a", "#c93a2b", "#8c0f14"] },
    dark: { more: ["#27415c", "#2f6ea5", "#4e9fd8", "#95cdf2", "#e4f4ff"],
      alarm: ["#3d4650", "#7a5544", "#c2633c", "#f2785c", "#ffd0bf"] },
  };
  const GREY = { light: "#a4adb6", dark: "#59636e" };
  const BACK = { light: "#ffffff", dark: "#12161b" };
  let theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";

  function hex(hue) { // a colour of a class beyond the palette
    const part = (k) => {
      const at = (k + hue / 30) % 12;
      const value = 0.5 - 0.34 * Math.max(-1, Math.min(at - 3, 9 - at, 1));
      return Math.round(255 * value).toString(16).padStart(2, "0");
    };
    return `#${part(0)}${part(8)}${part(4)}`;
  }
  const classColour = (k) =>
    k < 0 ? GREY[theme] : k < PALETTE.length ? PALETTE[k] : hex((k * 137.508) % 360);
  const packed = (colour) => { // as the canvas keeps it in memory
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
    return (255 << 24 | b << 16 | g << 8 | r) >>> 0;
  };
  function rampColour(ramp, share) {
    const stops = RAMPS[theme][ramp];
    const at = Math.max(0, Math.min(1, share)) * (stops.length - 1);
    const low = Math.min(Math.floor(at), stops.length - 2);
    const mix = [1, 3, 5].map((k) => {
      const [a, b] = [stops[low], stops[low + 1]].map((one) => parseInt(one.slice(k, k + 2), 16));
      return Math.round(a + (b - a) * (at - low)).toString(16).padStart(2, "0");
    });
    return `#${mix.join("")}`;
  }

  // ---- what the colours say -------------------------------------------------------------------

  const ABOUT = {
    label: "Click a name to hide its rows.",
    prediction: "What a classifier says of each row that was fitted to others.",
    confidence: "The probability of the predicted class; look at the lowest first.",
    suspicion: "1 minus the probability of the label, as the other rows tell; look at the highest first.",
    own: "What the classifier behind the embedding says.",
    cluster: "Groups of k-means, the largest first.",
    one: "All rows alike.",
  };
  const NAMES = { label: "Label", prediction: "Prediction", confidence: "Confidence",
    suspicion: "Suspicion of a wrong label", cluster: "Cluster", one: "One colour" };
  const modes = ["label", guesses && "prediction", shares.confidence && "confidence",
    shares.suspicion && "suspicion", clusters && "cluster", "one"].filter(Boolean);
  let mode = !isQuantity && !classes.length && clusters ? "cluster" : "label";
  const hidden = { label: new Set(), prediction: new Set(), cluster: new Set() };
  let colours = new Uint32Array(n); // of each sample, 0 for hidden ones
  let order = new Uint32Array(n); // the last is drawn above the others
  let range = [0, 1];

  const groupOf = (i) =>
    mode === "label" ? labelOf(i) : mode === "prediction" ? guesses.numbers[i] : clusters[i];
  const groupName = (k) =>
    mode === "cluster" ? `cluster ${k}` : mode === "label" ? textOf(k) : String(guesses.classes[k]);
  const isRamp = () => mode in shares || (mode === "label" && isQuantity);
  const shareOf = (i) => (mode === "label" ? labelOf(i) : shares[mode][i]);
  const predictionColour = (k) => {
    const same = classes.indexOf(guesses.classes[k]);
    return classColour(same >= 0 ? same : classes.length + k);
  };
  const groupColour = (k) => (mode === "prediction" ? predictionColour(k) : classColour(k));

  function paint() {
    if (isRamp()) {
      const value = Float64Array.from({ length: n }, (_, i) => {
        const one = shareOf(i);
        return one === null || Number.isNaN(one) ? -Infinity : one;
      });
      const known = value.filter(Number.isFinite);
      range = mode === "label" && known.length
        ? [known.reduce((a, b) => Math.min(a, b)), known.reduce((a, b) => Math.max(a, b))] : [0, 1];
      const ramp = mode === "suspicion" ? "alarm" : "more";
      const steps = Array.from({ length: 256 }, (_, k) => packed(rampColour(ramp, k / 255)));
      const grey = packed(GREY[theme]);
      const span = range[1] - range[0] || 1;
      for (let i = 0; i < n; i++) {
        colours[i] = value[i] === -Infinity ? grey
          : steps[Math.round(255 * Math.max(0, Math.min(1, (value[i] - range[0]) / span)))];
      }
      order = Uint32Array.from(value.keys()).sort((a, b) => value[a] - value[b] || a - b);
    } else if (mode === "one") {
      colours.fill(packed(PALETTE[0]));
      order = Uint32Array.from(colours.keys());
    } else {
      const made = new Map();
      for (let i = 0; i < n; i++) {
        const k = groupOf(i);
        if (!made.has(k)) made.set(k, hidden[mode].has(k) ? 0 : packed(groupColour(k)));
        colours[i] = made.get(k);
      }
      const first = [], then = []; // what has no label lies below
      for (let i = 0; i < n; i++) (groupOf(i) < 0 ? first : then).push(i);
      order = Uint32Array.from(first.concat(then));
    }
    dirty = true;
  }
  const isShown = (i) => colours[i] !== 0;

  // ---- the view -------------------------------------------------------------------------------

  const map = $("map"), over = $("over"), box = $("canvases");
  const pen = map.getContext("2d", { alpha: false });
  const ink = over.getContext("2d");
  const view = { x: 0.5, y: 0.5, scale: 500 };
  let width = 0, height = 0, ratio = 1, pixels = null, image = null;
  let dirty = true, frames = 0, smallest = 100;
  const screenX = (i) => (X[i] - view.x) * view.scale + width / 2;
  const screenY = (i) => (Y[i] - view.y) * view.scale + height / 2;

  function resize() {
    const [w, h] = [box.clientWidth, box.clientHeight];
    if (!w || !h) return;
    const first = !width;
    width = w; height = h;
    ratio = Math.min(2, window.devicePixelRatio || 1);
    for (const canvas of [map, over]) {
      canvas.width = Math.round(w * ratio); canvas.height = Math.round(h * ratio);
    }
    image = pen.createImageData(map.width, map.height);
    pixels = new Uint32Array(image.data.buffer);
    smallest = Math.min(w, h) * 0.9;
    if (first) fit();
    dirty = true;
  }
  function fit() {
    let [left, right, top, bottom] = [1, 0, 1, 0];
    for (let i = 0; i < n; i++) {
      left = Math.min(left, X[i]); right = Math.max(right, X[i]);
      top = Math.min(top, Y[i]); bottom = Math.max(bottom, Y[i]);
    }
    view.x = (left + right) / 2; view.y = (top + bottom) / 2;
    const fits = Math.min(width / (right - left || 1e-9), height / (bottom - top || 1e-9));
    view.scale = Math.max(smallest * 0.5, Math.min(fits * 0.9, Math.max(width, height) * 4));
    dirty = true;
  }
  function zoom(factor, x = width / 2, y = height / 2) {
    const scale = Math.max(smallest * 0.3, Math.min(view.scale * factor, smallest * 3000));
    const [wx, wy] = [view.x + (x - width / 2) / view.scale, view.y + (y - height / 2) / view.scale];
    view.x = wx - (x - width / 2) / scale; view.y = wy - (y - height / 2) / scale;
    view.scale = scale;
    dirty = true;
  }
  function pan(dx, dy) {
    view.x = Math.max(-0.2, Math.min(1.2, view.x - dx / view.scale));
    view.y = Math.max(-0.2, Math.min(1.2, view.y - dy / view.scale));
    dirty = true;
  }
  const pointRadius = () => {
    const own = n > 10000 ? 2 : n > 3000 ? 2.5 : n > 800 ? 3.4 : 4.6;
    return Math.min(9, own * Math.max(1, (view.scale / smallest) ** 0.35));
  };

  // ---- points, blended into the memory of the canvas -------------------------------------------

  let stamp = { radius: 0 };
  function stampOf(radius) { // how much a disc covers of each pixel around its middle
    if (stamp.radius === radius) return stamp;
    const reach = Math.ceil(radius + 0.5), at = [], cover = [];
    for (let y = -reach; y <= reach; y++) {
      for (let x = -reach; x <= reach; x++) {
        const share = Math.max(0, Math.min(1, radius + 0.5 - Math.hypot(x, y)));
        if (share > 0.02) { at.push([x, y]); cover.push(share); }
      }
    }
    stamp = { radius, reach, at, cover };
    return stamp;
  }

  function drawPoints() {
    const [w, h] = [map.width, map.height];
    pixels.fill(packed(BACK[theme]));
    const { reach, at, cover } = stampOf(Math.round(pointRadius() * ratio * 4) / 4);
    const steps = Int32Array.from(at, ([x, y]) => y * w + x);
    const strong = Uint16Array.from(cover, (share) => Math.round(share * 225));
    const weak = Uint16Array.from(cover, (share) => Math.round(share * 46));
    const someChosen = chosen.size > 0;
    const scale = view.scale * ratio;
    const left = w / 2 - view.x * scale, top = h / 2 - view.y * scale;
    for (let pass = someChosen ? 0 : 1; pass < 2; pass++) {
      for (let k = 0; k < n; k++) {
        const i = order[k];
        const colour = colours[i];
        if (colour === 0 || (someChosen && chosen.has(i) !== (pass === 1))) continue;
        const x = Math.round(X[i] * scale + left), y = Math.round(Y[i] * scale + top);
        if (x < -reach || y < -reach || x >= w + reach || y >= h + reach) continue;
        const alphas = pass === 0 ? weak : strong;
        const rb = colour & 0xff00ff, g = colour & 0xff00;
        const whole = x >= reach && y >= reach && x < w - reach && y < h - reach;
        const middle = y * w + x;
        for (let s = 0; s < steps.length; s++) {
          if (!whole) {
            const px = x + at[s][0], py = y + at[s][1];
            if (px < 0 || py < 0 || px >= w || py >= h) continue;
          }
          const place = middle + steps[s], a = alphas[s], was = pixels[place], b = 256 - a;
          pixels[place] = (0xff000000
            | (((was & 0xff00ff) * b + rb * a) >>> 8 & 0xff00ff)
            | (((was & 0xff00) * b + g * a) >>> 8 & 0xff00)) >>> 0;
        }
      }
    }
    pen.putImageData(image, 0, 0);
  }

  // ---- samples ---------------------------------------------------------------------------------

  const drawable = ["images", "clips", "series", "clouds"].includes(shown.kind);
  const sheets = (shown.sheets || []).map((text) => {
    const sheet = new Image();
    sheet.onload = () => { dirty = true; waiting.forEach((draw) => draw()); waiting.clear(); };
    sheet.src = `data:image/${shown.format};base64,${text}`;
    return sheet;
  });
  const waiting = new Set();
  const isCoarse = Boolean(shown.width) && Math.max(shown.width, shown.height) < 24; // pixels are seen
  const bytes = shown.values ? decoded(shown.values) : null;
  const lows = shown.low && numbers(Float32Array, shown.low);
  const highs = shown.high && numbers(Float32Array, shown.high);

  // The size of a sample that is drawn, in the proportions of an image.
  function sizeOf(side) {
    if (shown.kind === "images" || shown.kind === "clips") {
      const scale = side / Math.max(shown.width, shown.height);
      return [Math.max(1, Math.round(shown.width * scale)), Math.max(1, Math.round(shown.height * scale))];
    }
    return shown.kind === "series" ? [side, Math.round(side * 0.6)] : [side, side];
  }

  function drawSample(to, i, x, y, w, h, moment = 0, colour = null) {
    if (shown.kind === "images" || shown.kind === "clips") {
      const sheet = sheets[Math.floor(i / shown.perSheet)];
      if (!sheet.complete || !sheet.naturalWidth) return false;
      const at = i % shown.perSheet;
      const frame = Math.floor(moment * 5) % shown.frames;
      to.imageSmoothingEnabled = !isCoarse;
      to.drawImage(sheet, (at % shown.columns) * shown.pitch[1] + frame * shown.width,
        Math.floor(at / shown.columns) * shown.pitch[0], shown.width, shown.height, x, y, w, h);
    } else if (shown.kind === "series") {
      const { channels, steps } = shown;
      const tall = h / channels;
      to.strokeStyle = colour || getComputedStyle(document.body).color;
      to.lineWidth = w > 120 ? 1.5 : 1;
      to.lineJoin = "round";
      for (let c = 0; c < channels; c++) {
        const start = (i * channels + c) * steps;
        let on = false;
        to.beginPath();
        for (let k = 0; k < steps; k++) {
          const value = bytes[start + k];
          if (value === 255) { on = false; continue; }
          const px = x + 1 + (k / Math.max(1, steps - 1)) * (w - 2);
          const py = y + tall * c + 2 + (1 - value / 254) * (tall - 4);
          if (on) to.lineTo(px, py); else { to.moveTo(px, py); to.lineTo(px + 0.5, py); }
          on = true;
        }
        to.stroke();
      }
    } else if (shown.kind === "clouds") {
      const turn = 0.6 + moment * 0.7, [cos, sin] = [Math.cos(turn), Math.sin(turn)];
      const start = i * shown.points * 3, size = Math.max(1.2, w / 75);
      to.fillStyle = colour || getComputedStyle(document.body).color;
      for (let k = 0; k < shown.points; k++) {
        const at = start + 3 * k;
        if (bytes[at] === 255) break;
        const [a, b, c] = [bytes[at] / 127 - 1, bytes[at + 1] / 127 - 1, bytes[at + 2] / 127 - 1];
        const across = a * cos - b * sin, deep = a * sin + b * cos;
        to.globalAlpha = 0.45 + 0.5 * (deep + 1) / 2;
        to.fillRect(x + w / 2 + across * w * 0.47, y + h / 2 - (c * 0.94 + deep * 0.3) * h * 0.46, size, size);
      }
      to.globalAlpha = 1;
    }
    return true;
  }

  // A sample as a node: a canvas for what is drawn, text for texts, a table for rows.
  function sampleNode(i, side, brief, moves = false) {
    if (drawable && moves && calm.matches && shown.frames > 1) { // all frames, which do not move
      const size = sizeOf(64);
      const strip = node("canvas", { width: 4 * size[0], height: Math.ceil(shown.frames / 4) * size[1], role: "img" });
      strip.setAttribute("aria-label", `Frames of row ${rows[i]}`);
      const draw = () => {
        for (let f = 0; f < shown.frames; f++) {
          const place = [f % 4 * size[0], Math.floor(f / 4) * size[1]];
          if (!drawSample(strip.getContext("2d"), i, ...place, ...size, (f + 0.5) / 5)) waiting.add(draw);
        }
      };
      draw();
      return strip;
    }
    if (drawable) {
      const [w, h] = sizeOf(side);
      const canvas = node("canvas", { width: w * ratio, height: h * ratio, role: "img" });
      canvas.setAttribute("aria-label", `Sample of row ${rows[i]}`);
      canvas.style.width = `${w}px`; canvas.style.height = `${h}px`;
      if (isCoarse) canvas.className = "pixels";
      const to = canvas.getContext("2d");
      const draw = (moment = 0) => {
        to.setTransform(ratio, 0, 0, ratio, 0, 0);
        to.clearRect(0, 0, w, h);
        if (!drawSample(to, i, 0, 0, w, h, moment)) waiting.add(draw);
      };
      draw();
      if (moves && !calm.matches && (shown.kind === "clouds" || shown.frames > 1)) {
        const begun = performance.now();
        const step = (now) => {
          if (!canvas.isConnected && now - begun > 500) return;
          draw(Math.max(0, now - begun) / 1000);
          requestAnimationFrame(step);
        };
        requestAnimationFrame(step);
      }
      return canvas;
    }
    if (shown.kind === "texts") {
      const made = node("p", { className: brief ? "sample-text cut" : "sample-text" });
      made.textContent = shown.texts[i] || "(an empty text)";
      return made;
    }
    if (shown.kind === "rows") {
      const most = brief ? (side < 150 ? 4 : 10) : shown.names.length;
      const body = node("tbody");
      shown.names.slice(0, most).forEach((name, c) => {
        const value = shown.columns[c][i];
        body.append(node("tr", {}, node("th", { scope: "row" }, name),
          node("td", { className: value === null ? "gap" : "" }, value === null ? "missing" : String(value))));
      });
      const table = node("table", {}, body);
      return brief ? table : node("div", { className: "scroll" }, table);
    }
    return node("span");
  }

  function inWords(i) {
    const parts = [`Row ${rows[i]}`, `label ${textOf(labelOf(i))}`];
    if (guesses) parts.push(`predicted ${guesses.classes[guesses.numbers[i]]}`);
    if (clusters) parts.push(`cluster ${clusters[i]}`);
    if (shown.kind === "texts") parts.push(shown.texts[i].slice(0, 120));
    if (chosen.has(i)) parts.push("chosen");
    return parts.join(", ");
  }

  // ---- samples on the map ---------------------------------------------------------------------

  function drawThumbs() {
    // In the order of drawing, those that no other one covers. What is chosen stays while the map moves
    // and until it is twice as large.
    const side = width < 500 ? 30 : 38, level = 2 ** Math.floor(Math.log2(view.scale / (side + 8)));
    const taken = new Map();
    const [w, h] = sizeOf(side);
    let drawn = 0;
    for (let k = n - 1; k >= 0 && drawn < 600; k--) {
      const i = order[k];
      if (!isShown(i) || (chosen.size && !chosen.has(i))) continue;
      const x = screenX(i), y = screenY(i);
      if (x < -side || y < -side || x > width + side || y > height + side) continue;
      const [a, b] = [X[i] * level, Y[i] * level];
      const [column, row] = [Math.floor(a), Math.floor(b)];
      let free = true;
      for (let near = 0; near < 9 && free; near++) {
        const other = taken.get((column + near % 3 - 1) * 1048576 + row + Math.floor(near / 3) - 1);
        free = !other || Math.abs(other[0] - a) >= 1 || Math.abs(other[1] - b) >= 1;
      }
      if (!free) continue;
      taken.set(column * 1048576 + row, [a, b]);
      drawn++;
      const bgr = colours[i], rim = `rgb(${bgr & 255},${bgr >> 8 & 255},${bgr >> 16 & 255})`;
      ink.fillStyle = BACK[theme];
      ink.fillRect(x - w / 2 - 2, y - h / 2 - 2, w + 4, h + 4);
      ink.lineWidth = 2; ink.strokeStyle = rim;
      ink.strokeRect(x - w / 2 - 1.5, y - h / 2 - 1.5, w + 3, h + 3);
      drawSample(ink, i, x - w / 2, y - h / 2, w, h, 0.2, rim);
    }
  }

  // ---- what lies above the points ---------------------------------------------------------------

  let focused = -1, hovered = -1, path = [], corner = null, byKeys = false;
  const chosen = new Set();

  function ring(i, radius, colour) {
    ink.beginPath(); ink.arc(screenX(i), screenY(i), radius, 0, 2 * Math.PI);
    ink.lineWidth = 4.5; ink.strokeStyle = BACK[theme]; ink.stroke();
    ink.lineWidth = 2.2; ink.strokeStyle = colour; ink.stroke();
  }
  function drawOver() {
    const style = getComputedStyle(document.documentElement);
    const accent = style.getPropertyValue("--accent").trim(), text = style.getPropertyValue("--text").trim();
    ink.setTransform(ratio, 0, 0, ratio, 0, 0);
    ink.clearRect(0, 0, width, height);
    if ($("thumbs").checked) drawThumbs();
    const radius = pointRadius() + 3;
    if (focused >= 0) {
      ink.lineWidth = 1.3; ink.strokeStyle = text; ink.globalAlpha = 0.65;
      ink.beginPath();
      for (let k = 0; k < each; k++) {
        const other = nearest[focused * each + k];
        ink.moveTo(screenX(focused), screenY(focused)); ink.lineTo(screenX(other), screenY(other));
      }
      ink.stroke();
      ink.globalAlpha = 1;
      for (let k = 0; k < each; k++) ring(nearest[focused * each + k], radius - 1, text);
      ring(focused, radius + 2, accent);
    }
    if (hovered >= 0 && hovered !== focused) ring(hovered, radius, text);
    if (byKeys && document.activeElement === map) {
      ink.lineWidth = 1.5; ink.strokeStyle = accent;
      ink.beginPath();
      for (const [dx, dy] of [[9, 0], [0, 9]]) {
        ink.moveTo(width / 2 - dx, height / 2 - dy); ink.lineTo(width / 2 + dx, height / 2 + dy);
      }
      ink.stroke();
    }
    if (path.length > 1 || corner) {
      ink.beginPath();
      if (corner) ink.rect(corner[0], corner[1], corner[2] - corner[0], corner[3] - corner[1]);
      else path.forEach(([x, y], k) => (k ? ink.lineTo(x, y) : ink.moveTo(x, y)));
      ink.lineWidth = 2; ink.strokeStyle = accent; ink.stroke();
      ink.globalAlpha = 0.12; ink.fillStyle = accent; ink.fill(); ink.globalAlpha = 1;
    }
  }
  function loop() {
    if (dirty && pixels) { dirty = false; drawPoints(); drawOver(); frames++; }
    requestAnimationFrame(loop);
  }

  // ---- which sample is where --------------------------------------------------------------------

  const CELLS = 128;
  const cellOf = (value) => Math.max(0, Math.min(CELLS - 1, Math.floor(value * CELLS)));
  const buckets = Array.from({ length: CELLS * CELLS }, () => []);
  for (let i = 0; i < n; i++) buckets[cellOf(Y[i]) * CELLS + cellOf(X[i])].push(i);

  function at(x, y, reach) { // the nearest sample to a place of the screen
    const [wx, wy] = [view.x + (x - width / 2) / view.scale, view.y + (y - height / 2) / view.scale];
    const far = reach / view.scale;
    let found = -1, best = far * far;
    for (let r = cellOf(wy - far); r <= cellOf(wy + far); r++) {
      for (let c = cellOf(wx - far); c <= cellOf(wx + far); c++) {
        for (const i of buckets[r * CELLS + c]) {
          const d = (X[i] - wx) ** 2 + (Y[i] - wy) ** 2;
          if (d <= best && isShown(i)) { best = d; found = i; }
        }
      }
    }
    return found;
  }
  function towards(dx, dy) { // the nearest sample in a direction
    const [x, y] = focused >= 0 ? [X[focused], Y[focused]] : [view.x, view.y];
    let found = -1, best = Infinity;
    for (let i = 0; i < n; i++) {
      if (i === focused || !isShown(i)) continue;
      const along = (X[i] - x) * dx + (Y[i] - y) * dy;
      const aside = Math.abs((X[i] - x) * dy) + Math.abs((Y[i] - y) * dx);
      if (along <= 0 || aside > along) continue;
      const cost = along + 2 * aside;
      if (cost < best) { best = cost; found = i; }
    }
    return found;
  }

  // ---- the sample that is looked at --------------------------------------------------------------

  function facts(i) {
    const list = node("dl", { className: "facts" });
    const fact = (name, value, colour) => {
      const said = node("dd", {}, value);
      const line = node("div", {}, node("dt", {}, name), said);
      if (colour) {
        const swatch = node("span", { className: "swatch" });
        swatch.style.background = colour;
        line.append(swatch);
      }
      list.append(line);
    };
    const label = labelOf(i);
    fact("Label", textOf(label), isQuantity ? null : classColour(label));
    if (given.has(i)) fact("before", textOf(before[i]));
    if (guesses) fact("Prediction", String(guesses.classes[guesses.numbers[i]]), predictionColour(guesses.numbers[i]));
    for (const name of Object.keys(shares)) {
      if (!Number.isNaN(shares[name][i])) fact(name[0].toUpperCase() + name.slice(1), shares[name][i].toFixed(3));
    }
    if (clusters) fact("Cluster", String(clusters[i]));
    if (shown.kind === "series") {
      for (let c = 0; c < shown.channels; c++) {
        const at = i * shown.channels + c;
        fact(shown.channels > 1 ? `Channel ${c}` : "Values", `${short(lows[at])} to ${short(highs[at])}`);
      }
    }
    return list;
  }
  function card(i, name, value) {
    const button = node("button", { type: "button" }, sampleNode(i, 76, true),
      node("span", { className: "of" }, textOf(labelOf(i))), node("span", { className: "of count" }, value));
    button.setAttribute("aria-label", `${inWords(i)}, ${name} ${value}`);
    button.addEventListener("click", () => look(i, true));
    return button;
  }
  const wide = !drawable && shown.kind !== "none";

  function look(i, center = false) {
    focused = i;
    hovered = -1;
    hideTip();
    dirty = true;
    if (i < 0) {
      $("one").replaceChildren(node("p", { className: "small" }, "Click a point to see it here, with its nearest."));
      $("near").replaceChildren();
      $("near-heading").hidden = true;
      $("sample-heading").textContent = "Sample";
      refreshLabels();
      return;
    }
    if (center) {
      const [x, y] = [screenX(i), screenY(i)];
      if (x < 40 || y < 40 || x > width - 40 || y > height - 40) { view.x = X[i]; view.y = Y[i]; }
    }
    $("sample-heading").textContent = `Row ${rows[i]}`;
    $("row").value = rows[i];
    const choose = node("button", { type: "button" }, chosen.has(i) ? "Leave out" : "Choose");
    choose.addEventListener("click", () => { toggle(i); look(i); });
    const around = node("button", { type: "button" }, "Choose with its nearest");
    around.addEventListener("click", () => {
      choose1([i, ...Array.from({ length: each }, (_, k) => nearest[i * each + k])], true);
      look(i);
    });
    $("one").replaceChildren(sampleNode(i, shown.kind === "series" ? 300 : Math.min(256, Math.max(128, 2 * (shown.width || 128))), false, true),
      facts(i), node("div", { className: "line" }, choose, around));
    $("near").className = wide ? "cards wide" : "cards";
    $("near").replaceChildren(...Array.from({ length: each }, (_, k) =>
      card(nearest[i * each + k], "distance", distances[i * each + k].toFixed(3))));
    $("near").scrollTop = 0;
    $("near-heading").hidden = false;
    refreshLabels();
    say(inWords(i));
  }
  $("goto").addEventListener("submit", (event) => {
    event.preventDefault();
    const row = $("row").value.trim();
    const i = /^\d+$/.test(row) ? indexOf.get(Number(row)) : undefined;
    if (i === undefined) {
      say(n < data.nRows ? `Row ${row} is not among those that are shown.` : `Rows are whole numbers from 0 to ${data.nRows - 1}.`);
    } else look(i, true);
  });

  function showTip(i, x, y) {
    const tip = $("tip");
    if (hovered !== i || tip.hidden) {
      const words = [`Row ${rows[i]}, label ${textOf(labelOf(i))}`];
      if (guesses) words.push(`predicted ${guesses.classes[guesses.numbers[i]]}`);
      if (mode in shares && !Number.isNaN(shares[mode][i])) words.push(`${mode} ${shares[mode][i].toFixed(3)}`);
      if (mode === "cluster") words.push(`cluster ${clusters[i]}`);
      tip.replaceChildren(sampleNode(i, shown.kind === "series" ? 220 : 128, true, true), node("div", {}, words.join(", ")));
      tip.hidden = false;
    }
    const [w, h] = [tip.offsetWidth, tip.offsetHeight];
    tip.style.left = `${Math.max(4, x + 18 + w > width ? x - w - 14 : x + 18)}px`;
    tip.style.top = `${Math.max(4, Math.min(height - h - 4, y + 14))}px`;
  }
  function hideTip() { $("tip").hidden = true; }
  function hover(i, x, y) {
    if (i >= 0) showTip(i, x, y); else hideTip();
    if (i !== hovered) { hovered = i; dirty = true; map.classList.toggle("over", i >= 0 && tool === "move"); }
  }

  // ---- choosing ----------------------------------------------------------------------------------

  function choose1(found, add) {
    if (!add) chosen.clear();
    for (const i of found) chosen.add(i);
    dirty = true;
    refreshLabels();
    say(`${many(chosen.size, "row")} chosen.`);
  }
  function toggle(i) {
    if (!chosen.delete(i)) chosen.add(i);
    dirty = true;
    refreshLabels();
    say(`${inWords(i)}. ${many(chosen.size, "row")} chosen.`);
  }
  function within(inside) {
    const found = [];
    for (let i = 0; i < n; i++) if (isShown(i) && inside(screenX(i), screenY(i))) found.push(i);
    return found;
  }
  const inBox = ([x0, y0, x1, y1]) => (x, y) =>
    x >= Math.min(x0, x1) && x <= Math.max(x0, x1) && y >= Math.min(y0, y1) && y <= Math.max(y0, y1);
  const inLasso = (points) => (x, y) => {
    let inside = false;
    for (let k = 0, l = points.length - 1; k < points.length; l = k++) {
      const [xk, yk] = points[k], [xl, yl] = points[l];
      if (yk > y !== yl > y && x < ((xl - xk) * (y - yk)) / (yl - yk) + xk) inside = !inside;
    }
    return inside;
  };

  // ---- pointers ----------------------------------------------------------------------------------

  let tool = "move";
  const pointers = new Map();
  let moved = 0, pinch = null;
  function setTool(name) {
    tool = name;
    map.className = name;
    for (const button of document.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-pressed", String(button.dataset.tool === name));
    }
    say({ move: "Dragging moves the map.", lasso: "Draw around rows to choose them.", box: "Draw a box around rows to choose them." }[name]);
  }
  const position = (event) => {
    const frame = map.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  };
  map.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    byKeys = false;
    map.setPointerCapture(event.pointerId);
    const here = position(event);
    pointers.set(event.pointerId, here);
    moved = 0;
    if (pointers.size === 1 && tool === "lasso") path = [here];
    if (pointers.size === 1 && tool === "box") corner = [...here, ...here];
    if (pointers.size === 2) {
      path = []; corner = null; hideTip();
      const [a, b] = [...pointers.values()];
      pinch = Math.hypot(a[0] - b[0], a[1] - b[1]);
    }
  });
  map.addEventListener("pointermove", (event) => {
    const here = position(event);
    if (!pointers.has(event.pointerId)) {
      if (event.pointerType !== "touch") hover(at(...here, 14), ...here);
      return;
    }
    const was = pointers.get(event.pointerId);
    pointers.set(event.pointerId, here);
    moved += Math.hypot(here[0] - was[0], here[1] - was[1]);
    if (pointers.size === 2) {
      const [a, b] = [...pointers.values()];
      const now = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (pinch > 0 && now > 0) zoom(now / pinch, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
      pan((here[0] - was[0]) / 2, (here[1] - was[1]) / 2);
      pinch = now;
    } else if (tool === "move") {
      if (moved > 4) { map.classList.add("moving"); hideTip(); }
      pan(here[0] - was[0], here[1] - was[1]);
    } else if (tool === "lasso") { path.push(here); dirty = true; } else if (corner) {
      [corner[2], corner[3]] = here; dirty = true;
    }
  });
  function release(event, cancelled) {
    if (!pointers.delete(event.pointerId)) return;
    map.classList.remove("moving");
    const here = position(event);
    const [drawn, boxed] = [path, corner];
    if (pinch === null && !cancelled) {
      if (moved < 6) {
        const i = at(...here, event.pointerType === "touch" ? 24 : 14);
        if (event.shiftKey && i >= 0) toggle(i);
        else look(i);
      } else if (drawn.length > 2) choose1(within(inLasso(drawn)), event.shiftKey);
      else if (boxed) choose1(within(inBox(boxed)), event.shiftKey);
    }
    if (!pointers.size) pinch = null;
    path = []; corner = null; dirty = true;
  }
  map.addEventListener("pointerup", (event) => release(event, false));
  map.addEventListener("pointercancel", (event) => release(event, true));
  map.addEventListener("pointerleave", () => hover(-1));
  map.addEventListener("wheel", (event) => {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 18 : event.deltaMode === 2 ? 300 : 1;
    zoom(Math.exp(-event.deltaY * unit * (event.ctrlKey ? 0.01 : 0.0016)), ...position(event));
    hideTip();
  }, { passive: false });

  // ---- keys --------------------------------------------------------------------------------------

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  map.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    byKeys = true;
    if (key in ARROWS) {
      const [dx, dy] = ARROWS[key];
      if (event.shiftKey) {
        const i = towards(dx, dy);
        if (i >= 0) look(i, true); else say("No sample in that direction.");
      } else pan(-dx * 60, -dy * 60);
    } else if (key === "+" || key === "=") zoom(1.3);
    else if (key === "-" || key === "_") zoom(1 / 1.3);
    else if (/^[0-9]$/.test(key) && labelOfKey(key) >= 0) giveLabel(labelOfKey(key));
    else if (key === "0" || key === "Home") fit();
    else if (key === "Enter") look(at(width / 2, height / 2, Math.max(width, height)));
    else if (key === " ") { if (focused >= 0) { toggle(focused); look(focused); } else say("No sample is looked at; Enter takes the one in the middle."); }
    else if (key === "Escape") { if ($("keys").hidden) choose1([], false); else showHelp(false); }
    else if (key === "a") choose1(within(inBox([0, 0, width, height])), event.shiftKey);
    else if (key === "m") setTool("move");
    else if (key === "l") setTool("lasso");
    else if (key === "b") setTool("box");
    else if (key === "?") showHelp($("keys").hidden);
    else return;
    event.preventDefault();
    dirty = true;
  });
  map.addEventListener("blur", () => { dirty = true; });
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z" && !typing) { event.preventDefault(); undo(); }
    if (event.key === "Escape" && !$("keys").hidden) showHelp(false);
  });

  // ---- legend ------------------------------------------------------------------------------------

  function refreshLegend() {
    const legend = $("legend");
    const own = data.ownClassifier && (mode === "prediction" || mode === "confidence");
    $("about-colour").textContent = own
      ? `${ABOUT[mode === "prediction" ? "own" : mode]} The classifier may have been fitted to these rows.` : ABOUT[mode];
    legend.replaceChildren();
    if (mode === "one") return;
    if (isRamp()) {
      if (mode === "label") $("about-colour").textContent = "Quantities; grey is none.";
      const ramp = node("canvas", { id: "ramp", width: 256, height: 1, role: "img" });
      ramp.setAttribute("aria-label", `Colours from ${short(range[0])} to ${short(range[1])}`);
      const to = ramp.getContext("2d");
      for (let k = 0; k < 256; k++) {
        to.fillStyle = rampColour(mode === "suspicion" ? "alarm" : "more", k / 255);
        to.fillRect(k, 0, 1, 1);
      }
      legend.append(ramp, node("div", { className: "ends" }, node("span", {}, short(range[0])), node("span", {}, short(range[1]))));
      return;
    }
    const counts = new Map();
    if (mode === "label") classes.forEach((_, k) => counts.set(k, 0));
    for (let i = 0; i < n; i++) counts.set(groupOf(i), (counts.get(groupOf(i)) || 0) + 1);
    const list = node("ul");
    for (const k of [...counts.keys()].sort((a, b) => (a < 0) - (b < 0) || a - b)) {
      const swatch = node("span", { className: "swatch" });
      swatch.style.background = groupColour(k);
      const entry = node("button", { type: "button", className: "entry" }, swatch,
        node("span", {}, k < 0 ? "no label" : groupName(k)), node("span", { className: "count" }, counts.get(k).toLocaleString("en")));
      entry.setAttribute("aria-pressed", String(!hidden[mode].has(k)));
      entry.addEventListener("click", () => {
        if (!hidden[mode].delete(k)) hidden[mode].add(k);
        paint();
        entry.setAttribute("aria-pressed", String(!hidden[mode].has(k)));
      });
      const pick = node("button", { type: "button", className: "pick" }, "choose");
      pick.setAttribute("aria-label", `Choose the rows of ${k < 0 ? "no label" : groupName(k)}`);
      pick.addEventListener("click", (event) => {
        const found = [];
        for (let i = 0; i < n; i++) if (groupOf(i) === k) found.push(i);
        choose1(found, event.shiftKey);
      });
      list.append(node("li", {}, entry, pick));
    }
    legend.append(list);
  }
  function refreshFirst() {
    const values = shares[mode];
    $("first").hidden = !values;
    if (!values) return;
    $("first-heading").textContent = mode === "suspicion" ? "Most suspicious labels" : "Least sure";
    const sign = mode === "suspicion" ? -1 : 1;
    const first = Array.from(order).filter((i) => !Number.isNaN(values[i]))
      .sort((a, b) => sign * (values[a] - values[b]) || a - b).slice(0, 24);
    $("first-list").className = wide ? "cards wide" : "cards";
    const other = (i) => { // what it may be instead, if that is known
      const guess = String(guesses.classes[guesses.numbers[i]]);
      return mode === "suspicion" && guess !== textOf(labelOf(i)) ? `${guess}?` : values[i].toFixed(3);
    };
    $("first-list").replaceChildren(...first.map((i) => card(i, mode, other(i))));
  }
  function setMode(name) {
    mode = name;
    $("colour").value = name;
    paint();
    refreshLegend();
    refreshFirst();
  }

  // ---- labels ------------------------------------------------------------------------------------

  const done = []; // what undo takes back
  let saved = 0;
  const targets = () => (chosen.size ? [...chosen] : focused >= 0 ? [focused] : []);
  const changes = () => [...given.keys()].filter((i) => given.get(i) !== before[i]).sort((a, b) => rows[a] - rows[b]);
  const READS = {
    names: [(text) => text, "a name"],
    integers: [(text) => (/^[+-]?\d+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined), "a whole number"],
    numbers: [(text) => (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined), "a number"],
    booleans: [(text) => ({ true: true, false: false })[text.toLowerCase()], "true or false"],
    mixed: [(text) => text, "a name"],
  };

  function apply(found, label) {
    const others = found.filter((i) => labelOf(i) !== nothing && labelOf(i) !== label).length;
    done.push(found.map((i) => [i, given.has(i) ? given.get(i) : undefined]));
    for (const i of found) given.set(i, label);
    const told = `${many(found.length, "row")}: ${label === nothing ? "no label" : `label ${textOf(label)}`}.`;
    afterLabels(others ? `${told} ${others} had another label.` : told);
  }
  function afterLabels(message) {
    paint();
    refreshLegend();
    refreshLabels();
    if (focused >= 0) look(focused);
    say(message);
  }
  // A digit is the label of that name; where no label is a digit, it counts the labels of the list.
  function labelOfKey(key) {
    const named = classes.findIndex((one) => String(one) === key);
    const count = classes.some((one) => /^[0-9]$/.test(String(one))) ? 0 : Number(key);
    return named >= 0 ? named : count <= classes.length ? count - 1 : -1;
  }
  function giveLabel(label) {
    const found = targets();
    if (found.length) apply(found, label); else say("Choose rows first, or look at one.");
  }
  function undo() {
    const last = done.pop();
    if (!last) return;
    for (const [i, was] of last) if (was === undefined) given.delete(i); else given.set(i, was);
    afterLabels("The last label is undone.");
  }
  $("give").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = $("label").value.trim();
    $("wrong").textContent = "";
    if (!text) { $("wrong").textContent = "Write a label, or take labels away."; return; }
    let label = isQuantity ? -1 : classes.findIndex((one) => String(one) === text);
    if (label < 0) {
      const value = READS[data.kind][0](text);
      if (value === undefined) {
        $("wrong").textContent = `Labels are ${data.kind}: write ${READS[data.kind][1]}.`;
        return;
      }
      if (data.markers.includes(value)) { // read again, it would be none
        $("wrong").textContent = `${text} stands for no label; take labels away instead.`;
        return;
      }
      if (isQuantity) label = value;
      else {
        label = classes.indexOf(value); // such as 1 and 1.0
        if (label < 0) label = classes.push(value) - 1;
      }
    }
    giveLabel(label);
    $("label").select();
  });
  function refreshLabels() {
    const found = targets();
    $("chosen").textContent = chosen.size ? `${many(chosen.size, "row")} chosen.`
      : focused >= 0 ? `No rows chosen; a label goes to row ${rows[focused]}.`
        : "Choose rows with the lasso or the box, or click one.";
    $("give-button").disabled = $("take").disabled = !found.length;
    $("undo").disabled = !done.length;
    $("none").disabled = !chosen.size;
    const count = changes().length;
    $("changed").textContent = count ? `${many(count, "label")} changed.` : "No label changed yet.";
    $("copy").disabled = $("download").disabled = !count;
    $("classes").replaceChildren(...classes.map((one) => node("option", { value: String(one) })));
    $("text").hidden = true;
  }
  const cell = (value) => {
    const text = value === null ? "" : String(value);
    return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  function result() {
    const list = changes().map((i) => ({ row: rows[i], label: valueOf(given.get(i)), was: valueOf(before[i]) }));
    if ($("format").value === "csv") {
      return ["row,label,was", ...list.map((one) => [one.row, cell(one.label), cell(one.was)].join(","))].join("\n") + "\n";
    }
    const entries = list.map((one) => `  ${JSON.stringify(one)}`).join(",\n");
    return `{"format": "skssl labels", "version": 1, "n_rows": ${data.nRows}, "labels": [\n${entries}\n]}\n`;
  }
  $("download").addEventListener("click", () => {
    const kind = $("format").value;
    const url = URL.createObjectURL(new Blob([result()], { type: kind === "csv" ? "text/csv" : "application/json" }));
    const link = node("a", { href: url, download: `labels.${kind}` });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
    saved = done.length;
    say(`labels.${kind} is downloaded.`);
  });
  $("copy").addEventListener("click", async () => {
    const text = result();
    try {
      await navigator.clipboard.writeText(text);
      saved = done.length;
      say("The labels are copied.");
    } catch (error) { // browsers may refuse it to files
      $("text").value = text;
      $("text").hidden = false;
      $("text").focus();
      $("text").select();
      say("The browser does not let this page copy; the text is selected, copy it.");
    }
  });
  window.addEventListener("beforeunload", (event) => {
    if (done.length !== saved && changes().length) event.preventDefault();
  });

  // ---- controls ----------------------------------------------------------------------------------

  function showHelp(open) {
    $("keys").hidden = !open;
    $("help").setAttribute("aria-expanded", String(open));
    if (open) $("close").focus(); else map.focus();
  }
  function setTheme(name) {
    theme = name;
    document.documentElement.dataset.theme = name;
    $("theme").textContent = name === "dark" ? "Light" : "Dark";
    $("theme").setAttribute("aria-label", name === "dark" ? "Light colours" : "Dark colours");
    setMode(mode);
    if (focused >= 0) look(focused);
  }
  for (const button of document.querySelectorAll("[data-tool]")) button.addEventListener("click", () => setTool(button.dataset.tool));
  $("in").addEventListener("click", () => zoom(1.4));
  $("out").addEventListener("click", () => zoom(1 / 1.4));
  $("fit").addEventListener("click", fit);
  $("thumbs").addEventListener("change", () => { dirty = true; });
  $("help").addEventListener("click", () => showHelp($("keys").hidden));
  $("close").addEventListener("click", () => showHelp(false));
  $("theme").addEventListener("click", () => setTheme(theme === "dark" ? "light" : "dark"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => setTheme(event.matches ? "dark" : "light"));
  $("colour").addEventListener("change", () => { setMode($("colour").value); say(`Colour by ${NAMES[mode].toLowerCase()}.`); });
  $("take").addEventListener("click", () => giveLabel(nothing));
  $("undo").addEventListener("click", undo);
  $("none").addEventListener("click", () => choose1([], false));

  // ---- begin -------------------------------------------------------------------------------------

  document.title = data.title;
  $("title").textContent = data.title;
  $("subtitle").textContent = n < data.nRows
    ? `${n.toLocaleString("en")} of ${data.nRows.toLocaleString("en")} rows are shown` : many(n, "row");
  map.setAttribute("aria-label", `Map of ${many(n, "sample")}`);
  $("thumbs-label").hidden = !drawable;
  $("thumbs").checked = shown.kind === "images" || shown.kind === "clips";
  for (const name of modes) $("colour").append(node("option", { value: name }, NAMES[name]));
  $("notes").hidden = !data.notes.length;
  for (const note of data.notes) $("notes").querySelector("ul").append(node("li", {}, note));
  setTheme(theme);
  refreshLabels();
  new ResizeObserver(resize).observe(box);
  resize();
  requestAnimationFrame(loop);

  // For tests and measurements, which ask where things are and do nothing by it.
  window.explorer = Object.freeze({
    place: (row) => { const i = indexOf.get(row); return { x: screenX(i), y: screenY(i) }; },
    chosen: () => [...chosen].map((i) => rows[i]).sort((a, b) => a - b),
    scale: () => view.scale,
    frames: () => frames,
    label: (row) => valueOf(labelOf(indexOf.get(row))),
    result,
  });
})();
