// Package action finds and reads what `uses:` names: it parses the reference,
// resolves owner/repo@ref to a commit, fetches that commit once into a
// content-addressed store, checks it before every use and reads its action.yml.
//
// It never trusts a name, a ref, a tree or a manifest: names are checked before
// they become paths or arguments, links that leave an action are refused, and
// nothing of an action is run here. An offline store never touches the network.
package action
