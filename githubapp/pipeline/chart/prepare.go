package chart

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/drydock-ci/drydock/githubapp/pipeline"
	"github.com/drydock-ci/drydock/githubapp/pipeline/version"
)

const (
	chartFile  = "Chart.yaml"
	valuesFile = "values.yaml"
)

// about is the chart's description, as it is packed.
type about struct {
	*document
	name string
}

// prepare puts the version into Chart.yaml and the image into values.yaml, as they
// are packed: the files stay as they are.
func (f *folder) prepare(r pipeline.Request, image pipeline.Image, log io.Writer) (about, error) {
	if _, ok := version.ParseSemver(r.Version); !ok {
		return about{}, fmt.Errorf("pack the chart %q: %q is no semantic version, and helm refuses others", f.name, r.Version)
	}
	d, err := f.document(chartFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return about{}, fmt.Errorf("%s: there is no %s, so this is no chart: name its folder in \"chart\"", f.name, chartFile)
	case err != nil:
		return about{}, err
	}
	for _, key := range []string{"version", "appVersion"} {
		if err := d.put(key, r.Version); err != nil {
			return about{}, err
		}
	}
	f.lookup(chartFile).hold(d.text)
	a := about{document: d}
	if err := a.check(); err != nil {
		return about{}, err
	}
	return a, f.values(r, image, log)
}

func (f *file) hold(data []byte) { f.data, f.size = data, int64(len(data)) }

// document reads a YAML file of the chart. One that is not packed does not exist.
func (f *folder) document(name string) (*document, error) {
	if f.lookup(name) == nil {
		return nil, fs.ErrNotExist
	}
	text, err := f.read(name)
	if err != nil {
		return nil, err
	}
	return parse(path.Join(f.name, name), text)
}

// check looks at what Helm would refuse later or nobody would: a name that is no
// repository's, another format.
func (a *about) check() error {
	_, value, err := a.lookup("name")
	if err != nil {
		return err
	}
	if value == nil || value.Kind != yaml.ScalarNode || value.Tag == "!!null" || value.Value == "" {
		return at(a.document.name, a.line("name"), "the chart has no name: give it one, as name: %q", "web")
	}
	a.name = value.Value
	if !name.MatchString(a.name) {
		return at(a.document.name, value.Line, "%q can be no chart in a registry: use small letters and digits, with single dots, dashes or underscores between them", a.name)
	}
	_, value, err = a.lookup("apiVersion")
	if err != nil {
		return err
	}
	// helm: pkg/lint/rules/chartfile.go; a chart without the key is an old one.
	if value != nil && value.Value != "v1" && value.Value != "v2" {
		return at(a.document.name, value.Line, "apiVersion %q is not known: charts have \"v2\", old ones \"v1\"", value.Value)
	}
	return nil
}

// values lets the chart's values name the image, where they have keys for it.
func (f *folder) values(r pipeline.Request, image pipeline.Image, log io.Writer) error {
	d, err := f.document(valuesFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	set := func(key, value string) (bool, error) {
		if value == "" {
			return false, nil
		}
		there, err := d.set(value, "image", key)
		if there && err == nil {
			fmt.Fprintf(log, "image.%s: %s\n", key, value)
		}
		return there, err
	}
	host, inside, _ := strings.Cut(image.Name, "/")
	apart, err := set("registry", host)
	if err != nil {
		return err
	}
	repository := image.Name
	if apart { // templates put the two together
		repository = inside
	}
	for _, one := range [][2]string{{"repository", repository}, {"tag", tag(r)}, {"digest", image.Digest}} {
		if _, err := set(one[0], one[1]); err != nil {
			return err
		}
	}
	f.lookup(valuesFile).hold(d.text)
	return nil
}

// tag is the tag that stays with the image: that of the version, else the first,
// which templates begin with the commit by default.
func tag(r pipeline.Request) string {
	for _, t := range r.Tags {
		if t == r.Version || t == "v"+r.Version {
			return t
		}
	}
	if len(r.Tags) == 0 {
		return ""
	}
	return r.Tags[0]
}
