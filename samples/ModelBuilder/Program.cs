// As Model Builder's console application: classifies a sentence, or a picture whose path is given, with the model it trained.
using ModelBuilderSample;

var input = args.Length > 0 ? args[0] : "The food was fine, but we waited an hour for it.";
foreach (var (label, score) in File.Exists(input) ? ClassifyPicture(input) : ClassifyText(input))
{
    Console.WriteLine($"{label,-40}{score:P1}");
}

static IReadOnlyList<KeyValuePair<string, float>> ClassifyText(string text)
{
    if (!File.Exists(ReviewModel.MLNetModelPath))
    {
        ReviewModel.Train(ReviewModel.MLNetModelPath, Path.Combine(AppContext.BaseDirectory, ReviewModel.RetrainFilePath));
    }

    return ReviewModel.PredictAllLabels(new ReviewModel.ModelInput { Text = text });
}

static IReadOnlyList<KeyValuePair<string, float>> ClassifyPicture(string path)
{
    if (!File.Exists(ImageModel.MLNetModelPath))
    {
        ImageModel.Train(ImageModel.MLNetModelPath, Path.Combine(AppContext.BaseDirectory, ImageModel.RetrainFilePath));
    }

    return ImageModel.PredictAllLabels(new ImageModel.ModelInput { ImageSource = File.ReadAllBytes(path) });
}
