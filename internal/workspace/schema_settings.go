package workspace

// rapportSchema is the schema of rapport.yaml.
func rapportSchema() schema {
	return object(map[string]schema{
		"company!": object(map[string]schema{
			"name!":    text(),
			"address!": text(),
			"website":  text(),
			"timezone": text(),
			"language": text(),
		}),
		"public_url": text(),
		"database":   text(),
		"redis":      text(),
		"providers":  mapOf(providerSchema()),
		"senders!":   mapOf(senderSchema()),
		"topics":     mapOf(topicSchema()),
		"limits":     limitsSchema(),
		"delivery":   anyOf(enum("mailbox", "live"), object(map[string]schema{"only!": listOfSchema(text())})),
		"inbound":    inboundSchema(),
		"webhooks":   mapOf(object(map[string]schema{"url!": text(), "secret": def("secret")})),
		"secrets":    listOfSchema(def("secret")),
		"attributes": mapOf(def("type")),
		"events":     mapOf(anyOf(mapOf(def("type")), schema{"type": "null"})),
		"segments":   object(map[string]schema{"refresh": def("span")}),
		"control": anyOf(def("percent"), object(map[string]schema{
			"share!": def("percent"),
			"event":  text(),
			"value":  text(),
		})),
		"require_approval": truth(),
	})
}

func smtpSchema() schema {
	o := object(map[string]schema{
		"host!":    text(),
		"port":     anyOf(whole(1), text()),
		"tls":      enum("starttls", "implicit", "none"),
		"username": text(),
		"password": def("secret"),
		"auth":     enum(authKinds...),
	})
	o["dependentRequired"] = map[string][]string{"username": {"password"}, "password": {"username"}}
	return o
}

func providerSchema() schema {
	return object(map[string]schema{
		"smtp!":       smtpSchema(),
		"connections": whole(1),
		"rate":        def("rate"),
		"warm_up":     object(map[string]schema{"start!": whole(1), "days!": whole(1), "target!": whole(1)}),
		"webhook": object(map[string]schema{
			"kind!":  enum(callbackKinds...),
			"topic":  text(),
			"secret": anyOf(def("secret"), listOfSchema(def("secret"))),
		}),
	})
}

func senderSchema() schema {
	return object(map[string]schema{
		"from!":     text(),
		"replies":   object(map[string]schema{"forward_to": text()}),
		"bounces":   text(),
		"providers": listOfSchema(text()),
		"rate":      def("rate"),
		"dkim":      object(map[string]schema{"domain!": text(), "selector!": text(), "key!": text()}),
	})
}

func topicSchema() schema {
	return object(map[string]schema{
		"title!":  text(),
		"opt_in":  enum("single", "double"),
		"confirm": def("name"),
		"sender":  text(),
	})
}

func limitsSchema() schema {
	guard := object(map[string]schema{"above!": def("percent"), "of_last!": whole(1), "at_least": whole(1)})
	return object(map[string]schema{
		"per_contact": listOfSchema(object(map[string]schema{"max!": whole(1), "per!": def("span")})),
		"quiet_hours": object(map[string]schema{"from!": def("time"), "to!": def("time"), "timezone": def("zone")}),
		"per_domain":  mapOf(def("rate")),
		"guard":       object(map[string]schema{"bounces": guard, "complaints": guard}),
		"look_ahead":  def("span"),
	})
}

func inboundSchema() schema {
	return exactlyOne([]string{"smtp", "imap"}, map[string]schema{
		"smtp": text(),
		"imap": object(map[string]schema{"host!": text(), "port": whole(1), "username!": text(), "password!": def("secret")}),
	})
}

// relationshipSchema is the schema of relationship.yaml.
func relationshipSchema() schema {
	points := anyOf(number(), object(map[string]schema{"per!": text(), "rate!": number()}))
	return object(map[string]schema{
		"ladder": listOfSchema(object(map[string]schema{
			"stage!": def("name"), "when": def("condition"), "keep": def("condition"),
		})),
		"health": object(map[string]schema{
			"purchase": text(),
			"value":    text(),
			"new":      def("span"),
			"states":   listOfSchema(object(map[string]schema{"health!": enum("new", "active", "at-risk", "lapsed", "lost"), "when!": def("condition")})),
		}),
		"signals": mapOf(schema{
			"type": "object", "required": []string{"half_life"},
			"properties": schema{"half_life": def("span")}, "additionalProperties": number(),
		}),
		"programs": object(map[string]schema{
			"loyalty": object(map[string]schema{
				"points": mapOf(points), "expire": def("span"),
				"tiers": listOfSchema(object(map[string]schema{"tier!": def("name"), "from!": number(), "benefits": listOfSchema(text())})),
			}),
			"referral": object(map[string]schema{"reward": object(map[string]schema{"points!": number()}), "friend": mapOf(def("value"))}),
			"survey": mapOf(object(map[string]schema{
				"question!": text(), "scale": text(), "notify": object(map[string]schema{"below!": number(), "webhook!": def("name")}),
			})),
			"partners": mapOf(object(map[string]schema{"title!": text(), "code!": text()})),
		}),
	})
}
