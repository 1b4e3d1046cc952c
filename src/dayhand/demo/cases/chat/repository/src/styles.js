const GREY = "#c4c8ce";
const ROUND = "border-radius: 10px; padding: 0.6rem 0.8rem";

export function chatBoxStyle() {
  return `border: 2px solid ${GREY}; ${ROUND}`;
}

export function messageStyle(from) {
  const side = from === "me" ? "right" : "left";
  return `list-style: none; text-align: ${side}; ${ROUND}`;
}
