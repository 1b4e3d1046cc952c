const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

class Markup {
  constructor(text) {
    this.text = text;
  }

  toString() {
    return this.text;
  }
}

function escaped(value) {
  if (Array.isArray(value)) {
    return value.map(escaped).join("");
  }
  if (value instanceof Markup) {
    return value.text;
  }
  return String(value ?? "").replace(/[&<>"]/g, (character) => ESCAPES[character]);
}

/** A template tag: everything that is put in is escaped, unless it is markup itself. */
export function html(parts, ...values) {
  return new Markup(parts.reduce((text, part, index) => text + escaped(values[index - 1]) + part));
}
