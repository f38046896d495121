package conformance

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/drydock-ci/drydock/workflow"
)

// knownMessages are the cases of GitHub's reader whose messages differ, with
// the reason. The severities are those that together give GitHub's list.
var knownMessages = map[string]struct {
	reason     string
	severities []workflow.Severity
}{
	"events-single-invalid": {
		reason: "only GitHub's TypeScript runs this case; its server accepts unknown keys of workflow_dispatch" +
			" (case on-workflow_dispatch-unknown-keys-ignored), so the first message is a warning here",
		severities: []workflow.Severity{workflow.Error, workflow.Warning},
	},
}

// knownExpression names the listed difference that explains why an expression
// gives something else than GitHub's TypeScript says, or "".
func knownExpression(text string, ours, theirs result) string {
	for _, k := range knownExpressions {
		if k.explains(text, ours, theirs) {
			return k.name
		}
	}
	return ""
}

func knownExpressionReasons() map[string]string {
	reasons := map[string]string{}
	for _, k := range knownExpressions {
		reasons[k.name] = k.reason
	}
	return reasons
}

// knownExpressions are the differences between GitHub's server and runner (C#),
// which we follow, and its TypeScript. The first row that explains one counts.
var knownExpressions = []struct {
	name, reason string
	explains     func(text string, ours, theirs result) bool
}{
	{
		"quotes of a string at the end", "C# names the token as written (ParseException.cs: RawValue), TypeScript without its quotes",
		func(_ string, ours, theirs result) bool {
			return ours.kind == theirs.kind && strings.Contains(ours.message, ": ''") &&
				strings.ReplaceAll(unplaced(ours.message), "'", "") == strings.ReplaceAll(unplaced(theirs.message), "'", "")
		},
	},
	{
		"lenient fromJSON", "the server's reader (Newtonsoft.Json) takes single quotes, comments, NaN, bare keys and what follows the value; JSON.parse does not",
		func(text string, ours, theirs result) bool {
			return theirs.kind == "evaluation" && strings.Contains(theirs.message, "fromJson") && calls(text, "fromjson")
		},
	},
	{
		"order of keys like numbers", "fromJSON keeps the input's order in C#; JavaScript puts such keys first",
		func(text string, ours, theirs result) bool {
			return ours.kind == "" && theirs.kind == "" && calls(text, "fromjson") && sortedText(ours.value) == sortedText(theirs.value)
		},
	},
	{
		"strict format()", "C# takes {0} and {0:…} and knows no format for its values (Format.cs, FormatResultBuilder); TypeScript ignores what stands behind the number",
		func(text string, ours, theirs result) bool {
			return calls(text, "format") && theirs.kind == "" &&
				(strings.HasPrefix(ours.message, "The format specifiers") || strings.HasPrefix(ours.message, "The following format string"))
		},
	},
	{
		"numbers that C# does not read", "C# reads decimal, and 0o and 0x of 32 bits with sign (ExpressionUtility.ParseNumber): 0xFFFFFFFF is -1; JavaScript's Number() reads 0b and any length",
		func(text string, ours, theirs result) bool {
			return strings.Contains(text, "0xFFFFFFFF") || strings.Contains(text, "'0b1'") || strings.Contains(text, "'0x1FFFFFFFF'") || ours.kind == "lexing" && theirs.kind != "lexing" && (strings.Contains(ours.message, "'0b") || strings.Contains(ours.message, "'0x"))
		},
	},
	{
		"the first of several errors", "C# reads token by token and stops at the first error; TypeScript looks for lexing errors in the whole text first",
		func(_ string, ours, theirs result) bool {
			return place(ours.message) > 0 && place(theirs.message) > place(ours.message)
		},
	},
	{
		"end of an open bracket", "C# says Unexpected end of expression at the last token, TypeScript Unexpected symbol 'EOF'",
		func(_ string, ours, theirs result) bool {
			return strings.HasPrefix(ours.message, "Unexpected end of expression") && strings.HasPrefix(theirs.message, "Unexpected symbol: 'EOF'")
		},
	},
	{
		"what is not evaluated", "C# evaluates an index only if there is something to index (Index.cs), the branches of case(), the arguments of format(), the separator of join() and what contains() and its like look for only if they are used",
		func(text string, ours, theirs result) bool {
			return theirs.kind == "evaluation" && (strings.HasPrefix(theirs.message, "could not evaluate index") || lazyPattern.MatchString(text))
		},
	},
	{
		"numbers as text", "C# writes 15 digits and large exponents as 1E+21 (G15), and Infinity and NaN in toJSON; JavaScript writes 1e+21 and null",
		func(text string, ours, theirs result) bool {
			both := text + jsonText(ours.value)
			return ours.kind == "" && theirs.kind == "" && strings.Contains(text, "(") && numberPattern.MatchString(both)
		},
	},
	{
		"other white space", "C# skips whatever Char.IsWhiteSpace names (case bad-character); TypeScript only blanks, tabs and line ends",
		func(text string, ours, theirs result) bool {
			return (theirs.kind == "lexing" && strings.ContainsAny(text, "\u00a0\u2028"))
		},
	},
	{
		"line separators in toJSON", "Newtonsoft.Json escapes U+2028; JSON.stringify does not",
		func(text string, ours, theirs result) bool {
			return calls(text, "tojson") && strings.Contains(text, "\u2028")
		},
	},
	{
		"upper case", "C# compares by the simple mapping of letters (OrdinalIgnoreCase); JavaScript's toUpperCase makes SS of ß",
		func(text string, ours, theirs result) bool {
			return ours.kind == theirs.kind && foldingPattern.MatchString(text)
		},
	},
	{
		"infinity in small letters", "Double.TryParse of .NET takes the word after a sign in any case; JavaScript does not",
		func(text string, ours, theirs result) bool {
			return theirs.kind == "lexing" && strings.Contains(text, "-infinity")
		},
	},
	{
		"a dot too many", "C# names the dot (LexicalAnalyzer.cs: Dereference); TypeScript reads a number from it",
		func(_ string, ours, theirs result) bool {
			return strings.HasPrefix(ours.message, "Unexpected symbol: '.'") && strings.HasPrefix(theirs.message, "Unexpected symbol: '.") && place(ours.message) == place(theirs.message)
		},
	},
	{
		"comma before the bracket", "C# expects an argument after it (LexicalAnalyzer.cs: EndParameters); TypeScript does not",
		func(text string, ours, _ result) bool {
			return ours.kind == "parsing" && trailingComma.MatchString(text)
		},
	},
	{
		"keys that differ in case", "a later one replaces the value in C# (DictionaryExpressionData); TypeScript keeps the first",
		func(text string, ours, theirs result) bool {
			return calls(text, "fromjson") && ours.kind == theirs.kind && (twice(text, `"key"`) || twice(text, `"a"`))
		},
	},
	{
		"several doubled quotes", "TypeScript undoubles only the first quote of a string",
		func(text string, ours, theirs result) bool {
			return strings.Count(text, "''") > 1 && strings.ReplaceAll(jsonText(ours.value), "'", "") == strings.ReplaceAll(jsonText(theirs.value), "'", "")
		},
	},
}

// numberPattern is a number whose text differs.
var numberPattern = regexp.MustCompile(`\d[eE][+-]?\d|Infinity|NaN|\d{16}|\b(num|id)\b`)

// foldingPattern are letters whose upper case is several letters or another
// one's in the full mapping of Unicode, but not in the simple one.
var foldingPattern = regexp.MustCompile("[ßẞﬁǆǅİıſKΩ]")

var lazyPattern = regexp.MustCompile(`(?i)(format|join|contains|startswith|endswith|case)\(`)

var trailingComma = regexp.MustCompile(`,\s*\)`)

var placePattern = regexp.MustCompile(`Located at position (\d+) within`)

// unplaced is a message without its position.
func unplaced(message string) string {
	return placePattern.ReplaceAllString(message, "Located within")
}

// place is the position in a message, or 0.
func place(message string) int {
	at := placePattern.FindStringSubmatch(message)
	if at == nil {
		return 0
	}
	n, _ := strconv.Atoi(at[1])
	return n
}

func twice(text, key string) bool { return strings.Count(strings.ToLower(text), key) > 1 }

func calls(text, function string) bool {
	return strings.Contains(strings.ToLower(text), function+"(")
}

// sortedText is a value with the letters in order: equal for equal contents in
// another order.
func sortedText(v any) string {
	letters := strings.Split(jsonText(v), "")
	slices.Sort(letters)
	return strings.Join(letters, "")
}

// knownWorkflow names the listed difference between GitHub's TypeScript and
// its server that explains why a mutated file is read otherwise, or "".
func knownWorkflow(text string, ours, theirs reading) string {
	for _, k := range knownWorkflows {
		if k.explains(text, ours, theirs) {
			return k.name
		}
	}
	return ""
}

func knownWorkflowReasons() map[string]string {
	reasons := map[string]string{}
	for _, k := range knownWorkflows {
		reasons[k.name] = k.reason
	}
	return reasons
}

// knownWorkflows are the differences between GitHub's server (C#), which we
// follow, and its TypeScript. The first row that explains one counts.
var knownWorkflows = []struct {
	name, reason string
	explains     func(text string, ours, theirs reading) bool
}{
	{
		"a crash", "TypeScript takes every key for a text and fails on true, null and numbers; C# makes texts of them (TemplateReader.cs)",
		func(_ string, _, theirs reading) bool { return anyContains(theirs.errors, "is not a function") },
	},
	{
		"unknown keys of workflow_dispatch, unknown types", "the server accepts them (schema: on-mapping-new); a warning here",
		func(_ string, ours, theirs reading) bool {
			return len(ours.errors) == 0 && subset(theirs.errors, ours.warnings)
		},
	},
	{
		"schedules in a block of text", "the line end behind it does not matter to the server: public projects have it",
		func(_ string, ours, theirs reading) bool {
			return len(theirs.errors) == 1 && len(ours.errors) == 0 && anyContains(theirs.errors, "Invalid cron expression")
		},
	},
	{
		"flow mappings", "a key alone in braces has the value null (YAML 1.2, 7.4.2); TypeScript has no token for it",
		func(_ string, _, theirs reading) bool {
			return anyContains(theirs.errors, "Expected a scalar value, a sequence, or a mapping")
		},
	},
	{
		"indent inside of quotes", "C# and the case yaml-schema-str-flow-styles take a continued line with a small indent",
		func(text string, _, theirs reading) bool {
			return anyContains(theirs.errors, "Missing closing \"quote") && strings.Contains(text, "\"hello\n")
		},
	},
	{
		"filters and inputs of events", "the server's definitions are laxer (on-event-config-mapping-relaxed: empty filters; workflow-dispatch-relaxed: any default)",
		func(text string, ours, theirs reading) bool {
			return len(ours.errors) == 0 && onlyOf(theirs.errors, append([]string{"Unexpected value ''", "'input default'"}, ours.warnings...)...)
		},
	},
	{
		"env and with as one expression", "C# evaluates it when the step runs (ConvertToStepEnvironment); TypeScript wants a mapping",
		func(_ string, ours, theirs reading) bool {
			return len(ours.errors) == 0 && onlyOf(theirs.errors, "The type 'MappingToken' was expected")
		},
	},
	{
		"matrices", "C# builds them when it reads the file (MatrixBuilder.cs); TypeScript does not",
		func(_ string, ours, theirs reading) bool {
			return onlyOf(ours.errors, "Matrix ") && len(theirs.errors) == 0
		},
	},
	{
		"empty images", "C# takes an empty image of a container and says Container image cannot be empty of a service; TypeScript wants text",
		func(text string, ours, theirs reading) bool {
			return onlyOf(theirs.errors, "Unexpected value ''") && (len(ours.errors) == 0 || onlyOf(ours.errors, "Container image cannot be empty"))
		},
	},
	{
		"no job to start with", "where the cause is a need of a job that does not exist, we name that",
		func(_ string, ours, theirs reading) bool {
			return anyContains(ours.errors, "depends on unknown job") && anyContains(theirs.errors, "at least one job with no dependencies")
		},
	},
	{
		"merge keys", "GitHub takes << for a key like others and then refuses it or not; we say so",
		func(_ string, ours, _ reading) bool { return anyContains(ours.errors, "Merge keys") },
	},
	{
		"cache-mode", "newer than the package",
		func(_ string, ours, theirs reading) bool {
			return len(theirs.errors) > 0 && strings.HasSuffix(theirs.errors[0], "'cache-mode'")
		},
	},
	{
		"references", "C# checks the form of `uses` of a step when it reads it, TypeScript never does (case errors-step-uses-syntax); of a called workflow, loading would fail",
		func(_ string, ours, _ reading) bool {
			return anyContains(ours.errors, "Expected format {org}") || anyContains(ours.errors, "Invalid workflow reference")
		},
	},
	{
		"tags", "C# refuses a tag that does not fit (cases errors-yaml-*); TypeScript drops tags",
		func(text string, ours, _ reading) bool {
			return anyContains(ours.errors, "is not valid with the tag") || anyContains(ours.errors, "Unexpected tag") || anyContains(ours.errors, "is invalid for the type")
		},
	},
	{
		"ids of steps of the same repository", "$/ is newer than the package",
		func(_ string, ours, theirs reading) bool {
			return strings.Contains(jsonText(ours.jobs), "__selfRepository")
		},
	},
}

func anyContains(texts []string, part string) bool {
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, part) })
}

// onlyOf tells whether there are errors and each has one of the parts.
func onlyOf(errors []string, parts ...string) bool {
	return len(errors) > 0 && !slices.ContainsFunc(errors, func(text string) bool {
		return !slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(text, part) })
	})
}

func subset(part, of []string) bool {
	return !slices.ContainsFunc(part, func(text string) bool { return !slices.Contains(of, text) })
}
