/* Reads which categories and tools are allowed, for follow_consent.js. */
(function readChoices(category, tool, now) {
  const mapped = (object, map) => Object.fromEntries(
    Object.entries(object).map(([key, value]) => [key, map(key, value)]),
  );
  return {
    categories: mapped(now.categories, category),
    tools: mapped(now.tools, (key, { name }) => ({ name, allowed: tool(key) })),
  };
});
