package talk

import "testing"

func TestValid(t *testing.T) {
	if (Talk{}).Valid() || !(Talk{"Go", "Ada", 30}).Valid() {
		t.Error("a talk has a title, a speaker and a length")
	}
}
