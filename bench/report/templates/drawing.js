// Draws every figure of the page in the colours of its stylesheet, and anew where theme, contrast, medium or shape change.
(() => {
  "use strict";
  const PROPERTIES = /* colours */;
  const NARROW_PX = 720;
  const COLOUR = /^(#[0-9a-f]{6})([0-9a-f]{2})?$/;
  const CONFIG = { responsive: true, displaylogo: false, displayModeBar: false };

  const pictures = [...document.querySelectorAll(".chart-picture")].map((node) => ({
    node,
    figure: document.getElementById(node.dataset.figure).textContent,
    shape: null,
  }));

  // A colour of the figure as the stylesheet has it now; one of its own stays.
  const lookup = () => {
    const style = getComputedStyle(document.documentElement);
    return Object.fromEntries(Object.entries(PROPERTIES).map(([colour, name]) => [colour, style.getPropertyValue(name).trim() || colour]));
  };

  const coloured = (value, colours) => {
    if (typeof value === "string") {
      const found = COLOUR.exec(value);
      const colour = found && colours[found[1]];
      return colour ? (found[2] && colour.length === 7 ? colour + found[2] : colour) : value;
    }
    if (Array.isArray(value)) return value.map((each) => coloured(each, colours));
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, coloured(each, colours)]));
    return value;
  };

  const place = (layout, changes) => {
    for (const [path, value] of Object.entries(changes)) {
      const keys = path.split(".");
      const last = keys.pop();
      keys.reduce((within, key) => (within[key] ??= {}), layout)[last] = value;
    }
  };

  const shapeOf = (picture) => (picture.node.clientWidth < NARROW_PX ? "narrow" : "wide");

  const draw = (picture, colours) => {
    const figure = coloured(JSON.parse(picture.figure), colours);
    picture.shape = shapeOf(picture);
    place(figure.layout, figure.layout.meta[picture.shape]);
    picture.node.style.minHeight = `${figure.layout.height}px`;
    Plotly.react(picture.node, figure.data, figure.layout, CONFIG);
  };

  const drawAll = () => {
    const colours = lookup();
    pictures.forEach((picture) => draw(picture, colours));
  };

  drawAll();
  for (const query of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)", "print"]) matchMedia(query).addEventListener("change", drawAll);
  new MutationObserver(drawAll).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const picture = pictures.find(({ node }) => node === target);
      if (picture.shape !== shapeOf(picture)) draw(picture, lookup());
    }
  });
  pictures.forEach(({ node }) => resized.observe(node));
})();
