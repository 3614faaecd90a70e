'use strict';
document.documentElement.classList.add('js');

const data = JSON.parse(document.getElementById('data').textContent);
const HEIGHT = 208, LEFT = 46, RIGHT = 8, TOP = 8, BOTTOM = 24, COLORS = 6, DOTTED = 40;

function value(y) {
  if (y === undefined) return '–';
  const size = Math.abs(y);
  if (size !== 0 && (size < 1e-4 || size >= 1e6)) return Number(y.toPrecision(3)).toExponential().replace('e+', 'e');
  return size >= 1000 ? Math.round(y).toLocaleString('en') : String(Number(y.toPrecision(4)));
}

function short(x) {
  for (const [size, letter] of [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']]) {
    if (Math.abs(x) >= size) return Number((x / size).toPrecision(4)) + letter;
  }
  return value(x);
}

// Round numbers from low to high, about `count` of them, spaced by 1, 2 or 5 times a power of ten.
function ticks(low, high, count) {
  const rough = (high - low) / count, power = 10 ** Math.floor(Math.log10(rough));
  const spacing = power * ([1, 2, 5].find((m) => m * power >= rough) || 10);
  const result = [];
  for (let i = Math.ceil(low / spacing - 1e-9); i * spacing <= high + 1e-9 * spacing; i++) result.push(i * spacing);
  return result;
}

// Powers of ten, also 2 and 5 times them if these are few; round numbers within a factor of two.
function logTicks(low, high) {
  const result = [], few = high / low < 1000;
  for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++) {
    for (const m of few ? [1, 2, 5] : [1]) {
      const tick = m * 10 ** p;
      if (tick >= low * 0.999 && tick <= high * 1.001) result.push(tick);
    }
  }
  return result.length > 1 ? result.filter((_, i) => i % Math.ceil(result.length / 7) === 0) : ticks(low, high, 4);
}

function nearest(sorted, x) {
  let low = 0, high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < x) low = middle + 1; else high = middle;
  }
  return low > 0 && x - sorted[low - 1] < sorted[low] - x ? low - 1 : low;
}

class Chart {
  constructor(figure, curves) {
    this.curves = curves;
    this.svg = figure.querySelector('svg');
    this.outputs = figure.querySelectorAll('output');
    this.at = figure.querySelector('.at');
    this.steps = [...new Set(curves.flatMap((curve) => curve.x))].sort((a, b) => a - b);
    this.chosen = -1;
    this.log = false;
    const button = figure.querySelector('button');
    if (button) button.addEventListener('click', () => this.toggle(button));
    this.svg.addEventListener('pointermove', (event) => this.point(event));
    this.svg.addEventListener('pointerdown', (event) => this.point(event));
    this.svg.addEventListener('pointerleave', () => this.choose(-1));
    this.svg.addEventListener('blur', () => this.choose(-1));
    this.svg.addEventListener('keydown', (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(figure);
  }

  toggle(button) {
    this.log = !this.log;
    button.setAttribute('aria-pressed', this.log);
    this.draw();
  }

  point(event) {
    const left = event.clientX - this.svg.getBoundingClientRect().left;
    const share = (left - LEFT) / (this.width - LEFT - RIGHT);
    this.choose(nearest(this.steps, share * data.last));
  }

  key(event) {
    const last = this.steps.length - 1, now = this.chosen < 0 ? last : this.chosen;
    const next = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    this.choose(Math.max(0, Math.min(last, next)));
  }

  choose(index) {
    this.chosen = index;
    this.mark();
  }

  element(name, attributes, parent) {
    const made = document.createElementNS(this.svg.namespaceURI, name);
    for (const key in attributes) made.setAttribute(key, attributes[key]);
    parent.append(made);
    return made;
  }

  x(step) {
    return LEFT + (step / Math.max(data.last, 1)) * (this.width - LEFT - RIGHT);
  }

  y(y) {
    const scale = this.log ? Math.log : Number, [low, high] = this.range.map(scale);
    return HEIGHT - BOTTOM - ((scale(y) - low) / (high - low)) * (HEIGHT - BOTTOM - TOP);
  }

  fit() {
    let low = Infinity, high = -Infinity;
    for (const curve of this.curves) {
      for (const y of curve.y) {
        low = Math.min(low, y);
        high = Math.max(high, y);
      }
    }
    if (this.log) {
      const room = Math.max((high / low) ** 0.05, 1.05);
      this.range = [low / room, high * room];
    } else {
      const room = 0.05 * (high - low) || Math.max(Math.abs(high), 1) * 0.05;
      // The axis of a fraction or a distance starts at zero, not slightly below it.
      this.range = [low >= 0 && low < room ? 0 : low - room, high + room];
    }
  }

  draw() {
    this.width = this.svg.clientWidth;
    if (!this.width) return;
    this.svg.replaceChildren();
    this.fit();
    this.axes();
    for (const alert of data.alerts) {
      const mark = this.element('line', { class: 'alert', x1: this.x(alert.step), x2: this.x(alert.step), y1: TOP, y2: HEIGHT - BOTTOM }, this.svg);
      this.element('title', {}, mark).textContent = `${alert.name}, step ${alert.step}`;
    }
    this.curves.forEach((curve, i) => this.curve(curve, i % COLORS));
    this.over = this.element('g', { 'aria-hidden': true }, this.svg);
    this.mark();
  }

  axes() {
    const foot = HEIGHT - BOTTOM, right = this.width - RIGHT;
    for (const tick of this.log ? logTicks(...this.range) : ticks(...this.range, 4)) {
      this.element('line', { class: 'grid', x1: LEFT, x2: right, y1: this.y(tick), y2: this.y(tick) }, this.svg);
      this.element('text', { x: LEFT - 6, y: this.y(tick) + 4, 'text-anchor': 'end' }, this.svg).textContent = short(tick);
    }
    this.element('line', { class: 'axis', x1: LEFT, x2: right, y1: foot, y2: foot }, this.svg);
    for (const tick of ticks(0, Math.max(data.last, 1), this.width < 420 ? 3 : 5)) {
      const anchor = this.x(tick) > right - 16 ? 'end' : 'middle';
      this.element('text', { x: this.x(tick), y: HEIGHT - 6, 'text-anchor': anchor }, this.svg).textContent = short(tick);
    }
  }

  curve(curve, color) {
    const points = curve.x.map((step, i) => [this.x(step).toFixed(1), this.y(curve.y[i]).toFixed(1)]);
    this.element('path', { class: `c${color}`, d: 'M' + points.map((point) => point.join(' ')).join('L') }, this.svg);
    if (points.length > DOTTED) return;
    for (const [cx, cy] of points) this.element('circle', { class: `f${color}`, cx, cy, r: 2.2 }, this.svg);
  }

  // Shows the values at the chosen step, or the last values if no step is chosen.
  mark() {
    const step = this.steps[this.chosen];
    this.at.textContent = step === undefined ? '' : `step ${step.toLocaleString('en')}`;
    if (this.over) this.over.replaceChildren();
    if (this.over && step !== undefined) {
      this.element('line', { class: 'cross', x1: this.x(step), x2: this.x(step), y1: TOP, y2: HEIGHT - BOTTOM }, this.over);
    }
    this.curves.forEach((curve, i) => {
      const index = step === undefined ? curve.x.length - 1 : nearest(curve.x, step);
      this.outputs[i].textContent = value(curve.y[index]);
      if (this.over && step !== undefined) {
        this.element('circle', { class: `dot f${i % COLORS}`, cx: this.x(curve.x[index]), cy: this.y(curve.y[index]), r: 4 }, this.over);
      }
    });
  }
}

function slide(slider) {
  const picture = document.getElementById('picture'), output = document.getElementById('picture-step');
  const frames = [...data.frames, { step: data.lastFrame, source: picture.src }];
  const show = () => {
    const frame = frames[slider.value];
    picture.src = frame.source;
    picture.alt = `Samples at step ${frame.step}`;
    output.textContent = `step ${frame.step.toLocaleString('en')}`;
    slider.setAttribute('aria-valuetext', output.textContent);
  };
  slider.addEventListener('input', show);
  // A browser may restore the position of the slider when it reloads the page.
  show();
}

document.querySelectorAll('.chart').forEach((figure, i) => new Chart(figure, data.charts[i]));
const slider = document.getElementById('slider');
if (slider) slide(slider);
