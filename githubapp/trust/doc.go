// Package trust says how far a run is trusted: which zone it belongs to, by where
// its code and its cause come from, and what jobs of that zone may have.
//
// It is pure: it asks nobody and keeps nothing. In doubt a run belongs to the zone
// that is trusted less, and a zone that the policy does not know gets nothing.
package trust
