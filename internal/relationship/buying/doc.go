// Package buying predicts from a history of purchases who is still a customer,
// how often they will buy, and for how much; and ranks customers by recency,
// frequency and money.
//
// What it holds as true:
//
//   - A score is a pure function of the model, the purchases and the day: see
//     Model.Predict. Purchases of one day (UTC) are one.
//   - A model is a pure function of histories, the day and its predecessor: see
//     Fit. Where they are too few or nothing fits, there is no model, and Fit
//     says why.
//
// What it leaves to others: where purchases come from, when models are fitted,
// and where scores and models are kept.
package buying
