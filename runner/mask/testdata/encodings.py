#!/usr/bin/env python3
"""Makes encodings.jsonl: one secret as programs really print it.

The first line is the secret; each other one says who prints it and what. It needs bash, dash, node, perl, jq, openssl
and xxd; the few that are written out here (by "as ...") are those whose programs need another system.
"""
import base64, binascii, csv, html, io, json, os, random, re, shlex, subprocess, urllib.parse, xml.sax.saxutils

random.seed(7)
word = lambda: "".join(random.choice("ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789") for _ in range(9))
specials = [' ', '"', "'", '\\', '&', '<', '>', '%', '$', '`', '!', '=', '/', '+', '?', ':', ',', ';', '#', '~', '^', '|',
            '{', '}', '[', ']', '(', ')', '*', '@', 'ü', 'ß日本', '😀', '.', '-', '_', '\t']
secret = word() + "".join(s + word() for s in specials) + "\n" + word() + ' "' + word() + "'$" + word() + "\\" + word() + " ß&" + word() + "!" + word()
raw = secret.encode()
first = secret.split("\n")[0]
out = []


def add(by, text):
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    out.append({"by": by, "text": text})


def run(*argv, data=raw, env=None):
    return subprocess.run(argv, input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True,
                          env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "S": secret, **(env or {})}).stdout


add("plain", secret)
add("first line", first)
add("python base64", base64.b64encode(raw))
add("base64 without padding", base64.b64encode(raw).rstrip(b"="))
add("python base64 url", base64.urlsafe_b64encode(raw))
add("base64 url without padding", base64.urlsafe_b64encode(raw).rstrip(b"="))
for n in (1, 2, 3, 4):
    for m in (0, 1, 2):
        # What stands before and after may show in the characters at the border.
        text = base64.b64encode(b"\xff" * n + raw + b"\xff" * m).decode().rstrip("=")
        add(f"base64 inside, {n} before, {m} after", text)
        add(f"base64 url inside, {n} before, {m} after", base64.urlsafe_b64encode(b"\xff" * n + raw + b"\xff" * m).decode().rstrip("="))
add("base64 of a line", base64.b64encode(first.encode()))
add("base64 wrapped at 76", run("base64"))
add("openssl base64, wrapped at 64", run("openssl", "base64"))
add("powershell base64 of unicode", base64.b64encode(secret.encode("utf-16-le")))
add("xxd", run("xxd", "-p"))
add("hex", binascii.hexlify(raw))
add("hex upper", binascii.hexlify(raw).upper())
add("python json", json.dumps(secret)[1:-1])
add("python json not ascii", json.dumps(secret, ensure_ascii=False)[1:-1])
add("json twice", json.dumps(json.dumps(secret, ensure_ascii=False), ensure_ascii=False)[3:-3])
add("as json of PHP", json.dumps(secret)[1:-1].replace("/", "\\/"))
add("as json of Go", json.dumps(secret, ensure_ascii=False)[1:-1].replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))
net = json.dumps(secret)[1:-1]
net = re.sub(r"\\u([0-9a-f]{4})", lambda m: "\\u" + m.group(1).upper(), net).replace('\\"', "\\u0022")
for c in "'<>&+`":
    net = net.replace(c, "\\u%04X" % ord(c))
add("as json of .NET", net)
add("node json", run("node", "-e", "process.stdout.write(JSON.stringify(process.env.S).slice(1,-1))"))
add("jq json in json", run("jq", "-Rs", "tojson").strip()[3:-3])
add("node inspect", run("node", "-e", "process.stdout.write(require('util').inspect([process.env.S]))"))
add("node encodeURIComponent", run("node", "-e", "process.stdout.write(encodeURIComponent(process.env.S))"))
add("node encodeURI", run("node", "-e", "process.stdout.write(encodeURI(process.env.S))"))
add("node URLSearchParams", run("node", "-e", "process.stdout.write(new URLSearchParams({k:process.env.S}).toString().slice(2))"))
add("node querystring", run("node", "-e", "process.stdout.write(require('querystring').escape(process.env.S))"))
lower = lambda s: re.sub("%[0-9A-F]{2}", lambda m: m.group(0).lower(), s)
add("python quote", urllib.parse.quote(secret, safe=""))
add("percent lower", lower(urllib.parse.quote(secret, safe="")))
add("component lower", lower(urllib.parse.quote(secret, safe="!*'()")))
add("python quote_plus", urllib.parse.quote_plus(secret))
add("form lower", lower(urllib.parse.quote_plus(secret)))
add("as url path of Go", urllib.parse.quote(secret, safe="$&+:=@"))
add("jq uri", run("jq", "-Rsr", "@uri").rstrip(b"\n"))
add("python html", html.escape(secret))
add("python html text", html.escape(secret, quote=False))
add("python xml attribute", xml.sax.saxutils.escape(secret, {'"': "&quot;"}))
add("as xml of .NET", xml.sax.saxutils.escape(secret, {'"': "&quot;", "'": "&apos;"}))
add("as html of Go", xml.sax.saxutils.escape(secret, {'"': "&#34;", "'": "&#39;"}))
add("as html of lodash", xml.sax.saxutils.escape(secret, {'"': "&quot;", "'": "&#39;"}))
add("as html of PHP", xml.sax.saxutils.escape(secret, {'"': "&quot;", "'": "&#039;"}))
add("as canonical xml", secret.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;"))
add("python xml ascii", xml.sax.saxutils.escape(secret).encode("ascii", "xmlcharrefreplace"))
add("jq html", run("jq", "-Rsr", "@html").rstrip(b"\n"))
add("python shlex", shlex.quote(secret))
add("python repr", repr(secret))
add("python bytes", repr(raw))
table = io.StringIO()
csv.writer(table).writerow([secret])
add("python csv", table.getvalue().strip())
utf8, c = {"LC_ALL": "C.UTF-8"}, {"LC_ALL": "C"}
add("bash printf %q", run("bash", "-c", 'printf %q "$S"', env=utf8))
add("bash printf %q of a line", run("bash", "-c", 'printf %q "${S##*$L}"', env={**utf8, "L": "\n"}))
add("bash printf %q in C", run("bash", "-c", 'printf %q "$S"', env=c))
add("bash @Q", run("bash", "-c", 'printf %s "${S@Q}"', env=utf8))
add("bash @Q of a line", run("bash", "-c", 'x="${S##*$L}"; printf %s "${x@Q}"', env={**utf8, "L": "\n"}))
add("bash set -x", run("bash", "-xc", ': "$S"', env=utf8))
add("bash export", run("bash", "-c", "declare -p S", env=utf8)[len("declare -x S="):])
add("bash export of a line", run("bash", "-c", 'x="${S##*$L}"; declare -p x', env={**utf8, "L": "\n"})[len("declare -- x="):])
add("dash set -x", run("dash", "-xc", ': "$S"'))
add("dash export", re.search(rb"export S=(.*?)(?=\nexport |\Z)", run("dash", "-c", "export -p"), re.S).group(1))
add("as double quotes for an interactive shell", re.sub(r'([\\"$`!])', r"\\\1", secret))
add("as the command line of docker", secret.replace('"', '\\"'))
add("jq sh", run("jq", "-Rsr", "@sh").rstrip(b"\n"))
add("perl dumper", run("perl", "-MData::Dumper", "-e", "$Data::Dumper::Terse=1; print Dumper($ENV{S})"))
add("as apostrophes of PowerShell", "'" + secret.replace("'", "''") + "'")
add("as quotes of PowerShell", re.sub(r'([`"$])', r"`\1", secret).replace("\n", "`n").replace("\t", "`t"))
add("as the command line of Windows", re.sub(r"([\^&<>|])", r"^\1", secret))
add("as a workflow command", secret.replace("%", "%25").replace("\n", "%0A"))
add("as a property of a workflow command", secret.replace("%", "%25").replace("\n", "%0A").replace(":", "%3A").replace(",", "%2C"))

quoted, parts = '"' + word() + word() + '"', word() + "&" + word() + "&" + word()
special = [
    {"secret": quoted, "by": "quotes are taken as quotes", "text": quoted[1:-1]},
    {"secret": parts, "by": "powershell, error of a command", "text": parts[:20] + " " + parts[20:]},
]
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "encodings.jsonl"), "w") as f:
    f.write(json.dumps({"by": "the secret", "text": secret}, ensure_ascii=False) + "\n")
    for o in out:
        f.write(json.dumps(o, ensure_ascii=False) + "\n")
    for o in special:
        f.write(json.dumps(o, ensure_ascii=False) + "\n")
print(len(out))
