/** The page behind a reset link: one form, one script, nothing from anywhere else. */
import { createHash } from 'node:crypto';

/** The token stands behind `#`, where no server and no log sees it; this sends it in a body. */
const SCRIPT = `const form = document.querySelector('form');
const says = document.querySelector('output');
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const token = location.hash.replace(/^#token=/, '');
  const answer = await window.fetch(location.pathname, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token, password: form.elements.password.value }),
  }).catch(() => null);
  if (answer?.ok) form.hidden = true;
  const problem = answer && !answer.ok ? await answer.json().catch(() => null) : null;
  says.textContent = answer?.ok ? 'The password is set. You can log in with it.' : (problem?.detail ?? 'The server does not answer.');
});
`;

/** Only this script may run, whatever else a page may come to hold. */
export const RESET_CSP = `default-src 'none'; script-src 'sha256-${createHash('sha256').update(SCRIPT).digest('base64')}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

export const RESET_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sightline: set a password</title>
</head>
<body>
<h1>Set a password</h1>
<form>
<label>New password, at least 8 characters
<input name="password" type="password" autocomplete="new-password" minlength="8" maxlength="1000" required></label>
<button>Set</button>
</form>
<output></output>
<script>${SCRIPT}</script>
</body>
</html>
`;
