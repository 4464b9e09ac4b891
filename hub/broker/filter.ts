// MQTT topic filters: whether one matches a topic.

export function isWildcard(filter: string): boolean {
  return filter.includes("+") || filter.includes("#");
}

/** Pure.
 *  @see MQTT 3.1.1, section 4.7 */
export function matchesFilter(filter: string, topic: string): boolean {
  // Section 4.7.2: a wildcard at the start does not match the broker's own topics.
  if (topic.startsWith("$") && !filter.startsWith("$")) return false;
  const wanted = filter.split("/");
  const levels = topic.split("/");
  for (const [index, level] of wanted.entries()) {
    if (level === "#") return true;
    const actual = levels[index];
    if (actual === undefined || (level !== "+" && level !== actual)) return false;
  }
  return wanted.length === levels.length;
}
