// What people with weak eyes, a narrow screen or a screen reader would stumble over on the page as it is now: a list of
// sentences. The rules are WCAG 2.2's: contrast (1.4.3), reflow (1.4.10), headings (1.3.1), unique ids.
(() => {
  const pen = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

  // Red, green, blue and opacity, each 0..1, of a colour in any notation.
  function parse(colour) {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data].map((value) => value / 255);
  }

  const over = ([r, g, b, a], below) => [r, g, b].map((value, index) => value * a + below[index] * (1 - a)).concat(1);

  function luminance(colour) {
    const [r, g, b] = colour.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function contrast(one, other) {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  }

  // What may lie behind an element's text: its colour, and those of its gradient.
  function grounds(element) {
    if (!element) return [[1, 1, 1, 1]];
    const { backgroundColor, backgroundImage } = getComputedStyle(element);
    const own = parse(backgroundColor);
    const plain = own[3] === 1 ? [own] : grounds(element.parentElement).map((below) => over(own, below));
    const colours = backgroundImage.match(/[a-z]+\([^()]*\)/g)?.filter((text) => CSS.supports("color", text)) ?? [];
    return [...plain, ...colours.flatMap((colour) => plain.map((below) => over(parse(colour), below)))];
  }

  const seen = (element) => element.checkVisibility({ visibilityProperty: true }) && element.offsetWidth > 2;
  const name = (element) => `<${element.localName}${element.id && ` id=${element.id}`}>`;
  const complaints = [];

  const texts = new Set(document.querySelectorAll("select, input:is([type=text], [type=number], [type=search])"));
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) if (walker.currentNode.data.trim()) texts.add(walker.currentNode.parentElement);
  for (const element of texts) {
    if (!seen(element) || element.closest("option, :disabled, :disabled label, noscript, script, svg")) continue;
    const { color, fontSize, fontWeight } = getComputedStyle(element);
    const large = parseFloat(fontSize) >= (fontWeight >= 700 ? 18.66 : 24);
    const least = Math.min(...grounds(element).map((ground) => contrast(over(parse(color), ground), ground)));
    if (least < (large ? 3 : 4.5)) {
      const text = element.textContent.trim().slice(0, 40);
      complaints.push(`${name(element)} “${text}” has a contrast of ${least.toFixed(2)}.`);
    }
  }

  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  for (const id of new Set(ids)) {
    if (ids.filter((other) => other === id).length > 1) complaints.push(`The id ${id} stands twice.`);
  }
  for (const element of document.querySelectorAll("[for], [aria-labelledby], [aria-controls]")) {
    for (const attribute of ["for", "aria-labelledby", "aria-controls"]) {
      const id = element.getAttribute(attribute);
      if (id && !document.getElementById(id)) complaints.push(`${name(element)} refers to ${id}, which is not there.`);
    }
  }

  const headings = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].filter(seen);
  let before = 0;
  for (const { localName, textContent } of headings) {
    const level = Number(localName[1]);
    if (level > before + 1) complaints.push(`The heading “${textContent}” leaves out a level.`);
    before = level;
  }
  if (headings.filter(({ localName }) => localName === "h1").length !== 1) complaints.push("There is not one h1.");

  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) complaints.push(`It is ${scrollWidth} pixels wide, and the window ${clientWidth}.`);
  return complaints;
})()
