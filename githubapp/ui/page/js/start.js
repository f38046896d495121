// Before everything else: a page whose scripts the network lost loads itself again.
// Chromium gives requests up when a network of the machine comes or goes, as those of
// containers do, and a module that was not loaded stays so.
(() => {
  const key = 'drydock loads again';
  const most = 5;
  let lost = false;
  addEventListener('error', (e) => {
    if (lost || !(e.target instanceof HTMLScriptElement)) return;
    lost = true;
    const n = Number(sessionStorage.getItem(key)) || 0;
    if (n < most) {
      sessionStorage.setItem(key, String(n + 1));
      setTimeout(() => location.reload(), 300 * (n + 1));
      return;
    }
    sessionStorage.removeItem(key);
    const place = document.querySelector('#main p');
    if (!place) return;
    const button = document.createElement('button');
    button.textContent = 'Load it again';
    button.addEventListener('click', () => location.reload());
    place.textContent = 'The page could not be loaded: the server does not answer. ';
    place.append(button);
  }, true);
  addEventListener('drydock-started', () => sessionStorage.removeItem(key));
})();
