package executortest

// The scripts that the suite starts as `sh -c SCRIPT`. F, G and D are
// variables of the environment: paths that the suite chooses.
const (
	ScriptTrue    = `exit 0`
	ScriptExit3   = `exit 3`
	ScriptExit255 = `exit 255`
	ScriptKilled  = `kill -9 $$; sleep 5`
	ScriptOrder   = `echo out1; echo err1 >&2; echo out2; echo err2 >&2; printf end`
	ScriptEnv     = `printf '%s|%s' "$SPECIAL" "$PATH"`
	ScriptHome    = `printf '%s' "$HOME"`
	ScriptStdin   = `cat; echo end`
	ScriptPwd     = `pwd`
	// MyTool is a program that lies in a folder of PrependPath.
	ScriptMyTool = "#!/bin/sh\necho my tool \"$@\"\n"
	// ScriptFiles reads $F, adds to $G and removes $D.
	ScriptFiles = `cat "$F"; echo a=b >>"$G"; rm -f "$D"`
	ScriptTest  = `test -e "$F"`
	ScriptMode  = `test -x "$F" && test ! -x "$G"`
	ScriptBig   = `head -c 50000000 /dev/zero`
	// ScriptWaitFor waits for the file $F.
	ScriptWaitFor  = `echo waiting; while [ ! -e "$F" ]; do sleep 0.02; done; echo found`
	ScriptTouch    = `: >"$F"`
	ScriptLoop     = `echo ready; while :; do sleep 0.05; done`
	ScriptOnInt    = `trap 'echo int; exit 7' INT; echo ready; while :; do sleep 0.05; done`
	ScriptOnTerm   = `trap '' INT; trap 'echo term; exit 8' TERM; echo ready; while :; do sleep 0.05; done`
	ScriptStubborn = `trap '' INT TERM; echo ready; while :; do sleep 0.05; done`
	// ScriptTree has a child that ignores what its parent dies of.
	ScriptTree = `sh -c 'trap "" INT TERM; echo $$ >"$F"; while :; do sleep 0.05; done' & while [ ! -s "$F" ]; do sleep 0.02; done; echo ready; wait`
	// ScriptAlive tells whether the process whose number is in $F lives.
	ScriptAlive = `kill -0 "$(cat "$F")"`
	// ScriptDaemon leaves a process behind that has no parent any more.
	ScriptDaemon = `(sh -c 'echo $$ >"$F"; while :; do mkdir -p "$D"; echo x >>"$D/beat"; sleep 0.02; done' >/dev/null 2>&1 &) ; while [ ! -s "$F" ]; do sleep 0.02; done; echo started`
	// ScriptHolds leaves a process behind that keeps the output open.
	ScriptHolds  = `sleep 120 & echo early`
	ScriptAppend = `cat "$F"; echo more >>"$F"; cat "$F"`
)
