// On the page that refuses: once something else is allowed, ask for what was refused again.
document.addEventListener('consent:change', () => location.reload());
