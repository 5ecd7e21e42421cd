package segments

// The names of tables and columns that conditions compile to. A test compares
// them with both migrations.
const (
	tableEvents     = "events"
	tableMessages   = "messages"
	tableConsents   = "consents"
	tableEnrolments = "enrolments"
	tableContacts   = "contacts"
	tableScores     = "scores"
	tableTallies    = "tallies" // of PostgreSQL

	// Of several tables.
	colID         = "id"
	colContactID  = "contact_id"
	colCampaignID = "campaign_id"
	colTemplate   = "template"
	colFolded     = "folded"
	colState      = "state"

	colContactSeed        = "seed"
	colContactStage       = "stage"
	colContactStageSince  = "stage_since"
	colContactHealth      = "health"
	colContactHealthSince = "health_since"
	colContactCreatedAt   = "created_at"

	colEventName    = "name"
	colEventAt      = "at"
	colEventKey     = "key"
	colEventLink    = "link"
	colEventMessage = "message_id"
	colEventMachine = "machine"

	colMessageDecidedAt = "decided_at"

	colConsentTopic = "topic"

	colEnrolmentConvertedAt = "converted_at"

	colTallyName    = "name"
	colTallyNumber  = "number"
	colTallyFirstAt = "first_at"
	colTallyLastAt  = "last_at"
	colTallyEarlier = "earlier"
	colTallySums    = "sums"

	colScoreName  = "name"
	colScoreSign  = "sign"
	colScoreValue = "value"
)

// schema lists, for each table, the columns that are used.
var schema = map[string][]string{
	tableContacts:   {colID, colFolded, colContactSeed, colContactStage, colContactStageSince, colContactHealth, colContactHealthSince, colContactCreatedAt},
	tableEvents:     {colID, colContactID, colCampaignID, colTemplate, colFolded, colEventName, colEventAt, colEventKey, colEventLink, colEventMessage, colEventMachine},
	tableMessages:   {colID, colContactID, colCampaignID, colTemplate, colState, colMessageDecidedAt},
	tableConsents:   {colContactID, colState, colConsentTopic},
	tableEnrolments: {colContactID, colCampaignID, colState, colEnrolmentConvertedAt},
	tableScores:     {colContactID, colScoreName, colScoreSign, colScoreValue},
	tableTallies:    {colContactID, colTallyName, colTallyNumber, colTallyFirstAt, colTallyLastAt, colTallyEarlier, colTallySums},
}
