package workspace

// rapportSchema is the schema of rapport.yaml.
func rapportSchema() schema {
	return object(map[string]schema{
		"company!": object(map[string]schema{
			"name!":    text(),
			"address!": text().says("postal address; every mail carries it"),
			"website":  text(),
			"timezone": text().says("IANA time zone, UTC when not given"),
			"language": text().says("as in en or de-AT"),
		}).says("who mails"),
		"public_url": text().says("where tracking, unsubscribing, preferences and webhooks lead"),
		"database":   text().says("postgres://…; absent: a file beside this one"),
		"redis":      text().says("redis://…; absent: a queue in the process"),
		"providers":  mapOf(providerSchema()).says("mail servers that take mail from us"),
		"senders!":   mapOf(senderSchema()).says("addresses that mail comes from"),
		"topics":     mapOf(topicSchema()).says("what a contact can choose"),
		"limits":     limitsSchema().says("across all campaigns"),
		"delivery":   anyOf(enum("mailbox", "live"), object(map[string]schema{"only!": listOfSchema(text())})).says("mailbox catches all mail"),
		"inbound":    inboundSchema().says("where bounces and replies arrive"),
		"webhooks":   mapOf(object(map[string]schema{"url!": text(), "secret": def("secret")})),
		"secrets":    listOfSchema(def("secret")).says("sign links; the first signs, older ones are still believed"),
		"attributes": mapOf(def("type")).says("declares the attributes of contacts"),
		"events":     mapOf(anyOf(mapOf(def("type")), schema{"type": "null"})).says("declares events with their properties"),
		"segments":   object(map[string]schema{"refresh": def("span").says("how often everybody's membership is compared")}),
		"control": anyOf(def("percent"), object(map[string]schema{
			"share!": def("percent"),
			"event":  text().says("what is counted; the purchase of relationship.yaml when not given"),
			"value":  text().says("the property of the event that carries its worth"),
		})).says("contacts that no marketing campaign mails, so that all of them together can be measured"),
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
		"smtp!":       def("smtp"),
		"connections": whole(1),
		"rate":        def("rate"),
		"warm_up":     object(map[string]schema{"start!": whole(1), "days!": whole(1), "target!": whole(1)}).says("a daily ceiling that grows"),
		"webhook": object(map[string]schema{
			"kind!":  enum(callbackKinds...),
			"topic":  text().says("of ses: the ARN of the SNS topic"),
			"secret": anyOf(def("secret"), listOfSchema(def("secret"))),
		}).says("how the provider reports what became of mail"),
	})
}

func senderSchema() schema {
	return object(map[string]schema{
		"from!":     text().says("Mia <mia@news.example>"),
		"replies":   object(map[string]schema{"forward_to": text()}).says("answers come to us and are forwarded"),
		"bounces":   text().says("domain of signed return paths"),
		"providers": listOfSchema(text()).says("in the order in which they are tried"),
		"rate":      def("rate").says("of this sender's mail, over all its providers"),
		"dkim":      object(map[string]schema{"domain!": text(), "selector!": text(), "key!": text().says("path of a file with the private key")}),
	})
}

func topicSchema() schema {
	return object(map[string]schema{
		"title!":  text(),
		"opt_in":  enum("single", "double"),
		"confirm": def("name").says("template of the mail that asks for the confirmation"),
		"sender":  text(),
	})
}

func limitsSchema() schema {
	guard := object(map[string]schema{"above!": def("percent"), "of_last!": whole(1), "at_least": whole(1)})
	return object(map[string]schema{
		"per_contact": listOfSchema(object(map[string]schema{"max!": whole(1), "per!": def("span")})),
		"quiet_hours": object(map[string]schema{"from!": def("time"), "to!": def("time"), "timezone": def("zone")}),
		"per_domain":  mapOf(def("rate")),
		"guard":       object(map[string]schema{"bounces": guard, "complaints": guard}).says("pauses a campaign or a provider"),
		"look_ahead":  def("span").says("a more urgent message within this time goes first"),
	})
}

func inboundSchema() schema {
	return exactlyOne([]string{"smtp", "imap"}, map[string]schema{
		"smtp": text().says(`address to listen on: ":2526"`),
		"imap": object(map[string]schema{"host!": text(), "port": whole(1), "username!": text(), "password!": def("secret")}),
	})
}

// relationshipSchema is the schema of relationship.yaml.
func relationshipSchema() schema {
	points := anyOf(number(), object(map[string]schema{"per!": text(), "rate!": number()}))
	return object(map[string]schema{
		"ladder": listOfSchema(object(map[string]schema{
			"stage!": def("name"), "when": def("condition"), "keep": def("condition"),
		})).says("lowest first; a contact stands on the highest rung it has earned"),
		"health": object(map[string]schema{
			"purchase": text().says("the event that counts as a purchase"),
			"value":    text().says("its property that tells what was paid; total unless said"),
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
