package command

// Effect is what a command asks the job loop to do. It is a closed sum.
type Effect interface{ effect() }

type (
	// SetEnv sets a variable for the steps that follow.
	SetEnv struct{ Name, Value string }
	// AddPath puts Path in front of PATH for the steps that follow.
	AddPath struct{ Path string }
	// SetOutput sets an output of the step.
	SetOutput struct{ Name, Value string }
	// SaveState keeps a value for the post step of the same action.
	SaveState struct{ Name, Value string }
	// AddMask makes Value secret from now on; apply it before anything of the Outcome is shown.
	AddMask struct{ Value string }
	// AddMatcher loads problem matchers from File, which is relative to the workspace.
	AddMatcher struct{ File string }
	// RemoveMatcher removes the matchers of Owner, or those that File declares. One of the two is set.
	RemoveMatcher struct{ Owner, File string }
	// RepoPath says where actions/checkout put a repository.
	RepoPath struct {
		Repository    string // owner/name
		Path          string
		WorkspaceRepo bool // it is the repository of the workflow
	}
)

func (SetEnv) effect()        {}
func (AddPath) effect()       {}
func (SetOutput) effect()     {}
func (SaveState) effect()     {}
func (AddMask) effect()       {}
func (AddMatcher) effect()    {}
func (RemoveMatcher) effect() {}
func (RepoPath) effect()      {}
