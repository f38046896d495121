package docker

// defaultNetwork is the engine's own network, which jobs that stay alone join:
// making and removing a network costs more than the whole container
// (docs/adr/0004-lone-jobs.md). Options.Isolate gives every job its own.
const defaultNetwork = "bridge"
