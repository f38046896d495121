package docker

// CheckOptions tells before anything is made whether the policy lets a job's
// container have these options, as `docker create` spells them. What names
// them in the error.
func CheckOptions(what, options string, p Policy) error {
	_, err := judge(request{what: what, role: roleJob, options: options}, p)
	return err
}
