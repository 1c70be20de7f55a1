// Which box has which editor. A module of its own: two that import each other get no lasting name when static files are hashed.

// box → {insert(text, isFunction), take(), renew(), destroy(), host}
export const editors = new WeakMap();
