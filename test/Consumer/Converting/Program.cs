using Microsoft.ML;

// A program that makes of a saved model one that needs no libtorch.
var mlContext = new MLContext();
var model = mlContext.Model.Load("reviews.zip", out var schema);
mlContext.Model.SaveForServing(model, schema, "reviews-served.zip");
