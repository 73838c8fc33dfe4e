/** The page of the soft access point; `{note}` is what it has to say. It shows nothing that was set, and loads nothing from elsewhere. */
export const PAGE = `<!doctype html>
<html lang="en"><meta name="viewport" content="width=device-width"><title>Set up</title>
<style>body{font:1em sans-serif;max-width:24em;margin:2em auto;padding:0 1em}label{display:block;margin:.6em 0}input{width:100%;box-sizing:border-box;font:inherit}</style>
<h1>Set up</h1><p role="status">{note}</p>
<form method="post" action="/">
<label>Wi-Fi network<input name="wifiSSID" maxlength="32"></label>
<label>Its password (none: an open network)<input name="wifiPassword" type="password" maxlength="64"></label>
<details><summary>Identity and broker</summary>
<label>Serial number<input name="serial" maxlength="64"></label>
<label>Key, 64 hexadecimal digits<input name="keySecret" type="password" maxlength="64"></label>
<label>Number of the key<input name="keyNumber" inputmode="numeric"></label>
<label>Broker<input name="brokerHost"></label>
<label>Its port<input name="brokerPort" inputmode="numeric"></label>
<label>Password for it<input name="brokerPassword" type="password" maxlength="64"></label>
</details>
<p><button>Save and start</button></p>
</form></html>
`;
