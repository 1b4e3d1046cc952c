export const MODES = {
  ask: { label: "Ask", hint: "Ask about your document" },
  plan: { label: "Plan", hint: "What should change?" },
  write: { label: "Write", hint: "Tell me what to write" },
};

export const DEFAULT_MODE = "ask";

export function modeOf(name) {
  return MODES[name] ?? MODES[DEFAULT_MODE];
}
