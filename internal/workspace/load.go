package workspace

import (
	"path"
	"slices"
	"strings"

	"rapport/campaigns"
	"rapport/internal/calendar"
	"rapport/internal/relationship"
	"rapport/internal/strict"
	"rapport/segments"
	"rapport/templates"
)

// Load reads a folder. The findings are all there are, in the order of file and
// line; a workspace with findings that are not warnings must not be applied. It
// is never nil. env looks environment variables up; nil means that there are
// none.
func Load(dir string, env func(string) (string, bool)) (*Workspace, []strict.Finding) {
	var findings strict.Findings
	files, lost, ok := readFolder(dir, &findings)
	if !ok {
		return &Workspace{Dir: dir}, findings.All()
	}
	ws := decode(files, lost, env, &findings)
	ws.Dir = dir
	return ws, findings.All()
}

// FromFiles reads files that were kept, such as an applied version. It is the
// same reading as that of Load.
func FromFiles(files []File, env func(string) (string, bool)) (*Workspace, []strict.Finding) {
	var findings strict.Findings
	ws := decode(slices.Clone(files), nil, env, &findings)
	return ws, findings.All()
}

// parsed is one YAML file of the workspace.
type parsed struct {
	path string
	name string // without folder and ending
	node strict.Node
	ok   bool // it could be parsed
}

// reading is one pass over all files.
type reading struct {
	ws       *Workspace
	findings *strict.Findings
	env      func(string) (string, bool)

	lost         []string // files that cannot be read
	main, ladder parsed
	segments     []parsed
	campaigns    []parsed
	tests        []parsed
	sources      []templates.Source

	confirms      []strict.Node   // names of templates in rapport.yaml
	faultySenders map[string]bool // topics whose sender is a finding

	names segments.Env         // everything that may be named
	refs  campaigns.References // the same, of rapport.yaml
}

// decode is the whole of reading, in the order in which things refer to each
// other: names first, then what they stand for. Of the lost files nothing is known
// but their paths.
func decode(files []File, lost []string, env func(string) (string, bool), findings *strict.Findings) *Workspace {
	if env == nil {
		env = func(string) (string, bool) { return "", false }
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	ws := &Workspace{Files: files, Hash: hashOf(files), Segments: segments.Set{}, Campaigns: map[string]*campaigns.Definition{}}
	r := &reading{ws: ws, findings: findings, env: env, lost: lost}
	r.parse()
	r.collect()
	r.settings()
	r.templates()
	r.relationship()
	r.decodeSegments()
	r.decodeCampaigns()
	r.confirmations()
	r.control()
	r.decodeScenarios()
	r.cross()
	return ws
}

// parse sorts the files and parses those that are YAML.
func (r *reading) parse() {
	for _, f := range r.ws.Files {
		dir, base := path.Split(f.Path)
		switch {
		case f.Path == mainFile:
			r.main = r.yaml(f)
		case f.Path == relationshipFile:
			r.ladder = r.yaml(f)
		case strings.HasPrefix(f.Path, templatesDir+"/"):
			r.sources = append(r.sources, templates.Source{Path: strings.TrimPrefix(f.Path, templatesDir+"/"), Data: f.Data})
		case path.Ext(base) != ".yaml":
		case dir == segmentsDir+"/":
			r.segments = append(r.segments, r.yaml(f))
		case dir == campaignsDir+"/":
			r.campaigns = append(r.campaigns, r.yaml(f))
		case dir == testsDir+"/":
			r.tests = append(r.tests, r.yaml(f))
		}
	}
	for _, p := range r.lost {
		dir, base := path.Split(p)
		gone := parsed{path: p, name: strings.TrimSuffix(base, path.Ext(base))}
		switch {
		case p == mainFile:
			r.main = gone
		case p == relationshipFile:
			r.ladder = gone
		case dir == segmentsDir+"/":
			r.segments = append(r.segments, gone)
		case dir == campaignsDir+"/":
			r.campaigns = append(r.campaigns, gone)
		}
	}
	if r.main.path == "" {
		about(r.findings, mainFile, CodeNoWorkspace, "", "there is no "+mainFile)
	}
}

func (r *reading) yaml(f File) parsed {
	base := path.Base(f.Path)
	p := parsed{path: f.Path, name: strings.TrimSuffix(base, path.Ext(base))}
	p.node, p.ok = strict.Parse(f.Path, f.Data, r.findings)
	if p.ok && f.Path != mainFile {
		noVariables(p.node)
	}
	return p
}

// noVariables refuses ${NAME} in a file that does not know it.
func noVariables(n strict.Node) {
	for _, v := range n.Variables() {
		if strings.ToUpper(v.Name) == v.Name && strings.ContainsAny(v.Name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") {
			v.Node.Hintf(CodeVariable, "write the value here", "environment variables such as ${%s} are read in %s only", v.Name, mainFile)
			v.Node.Break()
		}
	}
}

// known says whether names may be checked: where rapport.yaml or
// relationship.yaml cannot be read, every reference would be a finding.
func (r *reading) known() bool {
	return r.main.ok && (r.ladder.ok || r.ladder.path == "")
}

// env is what conditions are checked against, nil when that is unknown.
func (r *reading) conditionEnv() *segments.Env {
	if !r.known() {
		return nil
	}
	return &r.names
}

// collect gathers every name before anything is decoded. A name counts when it
// is that of a file, or stands inside it: where the two differ there is one
// finding about that, and none about references to either.
func (r *reading) collect() {
	for _, p := range r.segments {
		r.names.Segments = both(r.names.Segments, p, "segment")
	}
	for _, p := range r.campaigns {
		r.names.Campaigns = both(r.names.Campaigns, p, "campaign")
	}
	if r.main.ok && r.main.node.IsMap() {
		m := r.main.node.Map(settingsKeys...) // so that a misspelt key is read as well
		r.names.Topics = keysOf(m.Get("topics"))
		r.refs.Senders = keysOf(m.Get("senders"))
		r.refs.Webhooks = keysOf(m.Get("webhooks"))
	}
	r.ladderNames()
}

func both(names []string, p parsed, key string) []string {
	names = append(names, p.name)
	if p.ok && p.node.IsMap() {
		if inside := p.node.Map().Get(key); inside.IsScalar() && inside.Raw().Value != p.name {
			names = append(names, inside.Raw().Value)
		}
	}
	return names
}

// ladderNames collects what relationship.yaml names, also from parts of it that
// turn out to be wrong.
func (r *reading) ladderNames() {
	r.names.Healths = relationship.Healths
	if !r.ladder.ok || !r.ladder.node.IsMap() {
		r.names.Stages = relationship.Default().Stages()
		return
	}
	m := r.ladder.node.Map("ladder", "health", "signals", "programs")
	if m.Get("ladder").IsList() {
		r.names.Stages = valuesOf(m.Get("ladder"), "stage")
	} else {
		r.names.Stages = relationship.Default().Stages()
	}
	r.names.Scores = keysOf(m.Get("signals"))
	if programs := m.Get("programs"); programs.IsMap() {
		pm := programs.Map()
		r.refs.Surveys = keysOf(pm.Get("survey"))
		r.refs.Loyalty = pm.Has("loyalty")
		if loyalty := pm.Get("loyalty"); loyalty.IsMap() && loyalty.Map().Get("tiers").IsList() {
			r.names.Tiers = valuesOf(loyalty.Map().Get("tiers"), "tier")
		}
	}
}

// valuesOf are the texts under one key of each item of a list.
func valuesOf(list strict.Node, key string) []string {
	var values []string
	for _, item := range list.List() {
		if !item.IsMap() {
			continue
		}
		if v := item.Map().Get(key); v.IsScalar() {
			values = append(values, v.Raw().Value)
		}
	}
	return values
}

func (r *reading) settings() {
	if !r.main.ok {
		r.ws.Company = Company{Timezone: defaultZone, Language: defaultLanguage}
		return
	}
	s := decodeSettings(r.main.node, r.ws, r.env)
	r.confirms, r.faultySenders = s.confirms, s.faultySenders
	if r.ws.Attributes != nil && r.hasPartners() {
		r.ws.Attributes[relationship.PartnerAttribute] = "text" // nobody need declare what the engine writes
	}
	r.names.Attributes, r.names.Events = r.ws.Attributes, r.ws.Events
	if zone, err := calendar.LoadZone(r.ws.Company.Timezone); err == nil {
		r.names.Zone = zone
	}
}

// templates compiles the content. Its findings name files inside templates/.
func (r *reading) templates() {
	opts := templates.CompileOptions{Attributes: r.ws.Attributes}
	if r.main.ok {
		opts.Topics = r.names.Topics
		if opts.Topics == nil {
			opts.Topics = []string{}
		}
	}
	set, found := templates.Compile(r.sources, opts)
	r.ws.Templates = set
	r.names.Templates = set.Names()
	lost := map[string]bool{}
	for _, p := range r.lost {
		if name, ok := strings.CutPrefix(p, templatesDir+"/"); ok {
			lost[stem(name)] = true
			r.names.Templates = append(r.names.Templates, stem(name))
		}
	}
	for _, n := range r.confirms {
		r.name(n, "template", r.names.Templates)
	}
	lines := map[string][]string{}
	for _, s := range r.sources {
		lines[s.Path] = strings.Split(string(s.Data), "\n")
	}
	for _, f := range found {
		if lost[stem(f.File)] {
			continue // a language of a template that cannot be read
		}
		source := ""
		if all := lines[f.File]; f.Line >= 1 && f.Line <= len(all) {
			source = strings.ToValidUTF8(strings.TrimSuffix(all[f.Line-1], "\r"), "\uFFFD")
		}
		r.findings.Add(strict.Finding{
			File: templatesDir + "/" + f.File, Line: max(f.Line, 1), Column: max(f.Column, 1), Code: f.Code, Message: f.Message, Hint: f.Hint,
			Source: source,
		})
	}
}

// stem is the name of the template that a file belongs to, in any language.
func stem(file string) string {
	name, _, _ := strings.Cut(file, ".")
	return name
}

// hasPartners reports whether relationship.yaml names partners, ahead of reading it.
func (r *reading) hasPartners() bool {
	if !r.ladder.ok || !r.ladder.node.IsMap() {
		return false
	}
	programs := r.ladder.node.Map().Get("programs")
	return programs.IsMap() && programs.Map().Get("partners").Present()
}

func (r *reading) relationship() {
	r.ws.Relationship = relationship.Default()
	if !r.ladder.ok {
		return
	}
	if def, ok := relationship.Decode(r.ladder.node, r.conditionEnv()); ok {
		r.ws.Relationship = def
	}
}

func (r *reading) decodeSegments() {
	for _, p := range r.segments {
		if !p.ok {
			continue
		}
		if s, ok := segments.DecodeSegment(p.node, p.path, r.conditionEnv()); ok {
			r.ws.Segments[s.Name] = s
		}
	}
	r.ws.Segments.Check()
}

func (r *reading) decodeCampaigns() {
	for _, p := range r.campaigns {
		if !p.ok {
			continue
		}
		if d, ok := campaigns.Decode(p.node, r.conditionEnv(), r.references(p)); ok && d.Name != "" {
			r.ws.Campaigns[d.Name] = d
		}
	}
}

// references are what a campaign may name of rapport.yaml. Where its topic or
// the topic's sender is a finding already, the campaign counts as having one.
func (r *reading) references(p parsed) *campaigns.References {
	if !r.known() {
		return nil
	}
	refs := r.refs
	refs.TopicSenders = map[string]string{}
	for name, t := range r.ws.Topics {
		if t.Sender != "" {
			refs.TopicSenders[name] = t.Sender
		}
	}
	if !p.node.IsMap() {
		return &refs
	}
	m := p.node.Map()
	topic, kind := m.Get("topic"), m.Get("kind")
	name := ""
	if topic.IsScalar() {
		name = topic.Raw().Value
	}
	transactional := kind.IsScalar() && kind.Raw().Value == campaigns.Transactional
	faulty := name == "" && !transactional || name != "" && (!slices.Contains(r.names.Topics, name) || r.faultySenders[name])
	if faulty || len(r.refs.Senders) == 0 {
		refs.TopicSenders[name] = "a sender that has a finding of its own"
	}
	return &refs
}
