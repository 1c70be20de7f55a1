// box → {insert(text, isFunction), take(), renew(), host}: the editors there are. Apart, since modules may not import in a circle.
export const editors = new WeakMap();
