using System.Reflection;
using Microsoft.ML.Tokenizers;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Models.NasBert;

/// <summary>ML.NET's own networks and tokenizer, out of the package Microsoft.ML.TorchSharp by reflection.</summary>
/// <remarks>
/// The package is built against an older TorchSharp, whose functions of <c>nn.init</c> gave a new tensor; it disposes of what they give. Today's give the
/// parameter itself, so that most weights of a new network are gone: here every layer gets weights again, random ones of a fixed seed.
/// </remarks>
internal static class MLNetReference
{
    private const BindingFlags Any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    private static readonly Assembly Package = Assembly.Load("Microsoft.ML.TorchSharp");

    /// <summary>What ML.NET's text classification is made of: 24 layers, 192 wide.</summary>
    public static IReadOnlyList<int> ClassificationLayers { get; } = [9, 11, 7, 0, 0, 0, 11, 11, 7, 0, 0, 0, 9, 7, 11, 0, 0, 0, 10, 7, 9, 0, 0, 0];

    /// <summary>Makes the network of text classification with random weights.</summary>
    /// <param name="layers">What each layer does, by ML.NET's numbers.</param>
    /// <param name="vocabulary">Number of token ids.</param>
    /// <param name="embeddingSize">Width of the embeddings.</param>
    /// <param name="outputSize">Width of the last layers.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="tokens">Most tokens.</param>
    /// <returns>The network, in evaluation mode and float32; the caller disposes it.</returns>
    public static nn.Module Classifier(IReadOnlyList<int> layers, int vocabulary, int embeddingSize, int outputSize, int classes, int tokens = 512)
    {
        var options = New("NasBert.TextClassificationTrainer+TextClassificationOptions");
        Set(options, "Arches", layers);
        Set(options, "EncoderLayers", layers.Count);
        Set(options, "EmbeddingDim", embeddingSize);
        Set(options, "EncoderOutputDim", outputSize);
        Set(options, "MaxSequenceLength", tokens);
        var network = (nn.Module)New("NasBert.Models.ModelForPrediction", options, 1, vocabulary, classes);
        Revive(network);
        return network;
    }

    /// <summary>Makes the RoBERTa encoder of question answering with random weights.</summary>
    public static nn.Module Roberta(int layers, int vocabulary, int width, int inner, int positions)
    {
        var network = (nn.Module)New(
            "Roberta.Models.RobertaEncoder", layers, width / 64, (long)vocabulary, (long)width, (long)width, (long)width, (long)inner, (long)positions, 2L,
            1e-12, 0.1, 0.1, 0.1, 0.1);
        Revive(network);
        return network;
    }

    /// <summary>The encoder of a network.</summary>
    public static nn.Module EncoderOf(nn.Module classifier) => (nn.Module)classifier.GetType().GetMethod("GetEncoder", Any)!.Invoke(classifier, null)!;

    /// <summary>Runs the encoder: the vector of every token, [N, T, D].</summary>
    public static Tensor Features(nn.Module classifier, Tensor ids) => (Tensor)Call(EncoderOf(classifier), "call", ids, null, null)!;

    /// <summary>Runs the network: logits, [N, C].</summary>
    public static Tensor Logits(nn.Module classifier, Tensor ids) => (Tensor)Call(classifier, "forward", ids, null)!;

    /// <summary>Calls a method.</summary>
    public static object? Call(object target, string method, params object?[] arguments) => target.GetType().GetMethods(Any)
        .Single(candidate => candidate.Name == method && candidate.GetParameters().Length == arguments.Length && candidate.DeclaringType == target.GetType())
        .Invoke(target, arguments);

    /// <summary>Reads a field, or the backing of a property.</summary>
    public static object Get(object target, string name) => target.GetType().GetField(name, Any)!.GetValue(target)!;

    /// <summary>A file of the tokenizer.</summary>
    public static Stream Resource(string name) => Package.GetManifestResourceStream(name)!;

    /// <summary>The tokenizer as ML.NET's trainers make it.</summary>
    public static EnglishRobertaTokenizer Tokenizer(Func<string, Stream> open)
    {
        var tokenizer = EnglishRobertaTokenizer.Create(open("encoder.json"), open("vocab.bpe"), open("dict.txt"), RobertaPreTokenizer.Instance);
        _ = tokenizer.AddMaskSymbol();
        return tokenizer;
    }

    /// <summary>The ids that ML.NET's trainers feed NAS-BERT for a text or a pair.</summary>
    public static int[] Ids(EnglishRobertaTokenizer tokenizer, string text, string? pair = null)
    {
        int[] ids = [0, .. tokenizer.ConvertIdsToOccurrenceRanks(tokenizer.EncodeToIds(text))];
        return pair is null ? ids : [.. ids, 2, .. tokenizer.ConvertIdsToOccurrenceRanks(tokenizer.EncodeToIds(pair))];
    }

    private static object New(string type, params object[] arguments) =>
        Activator.CreateInstance(Package.GetType($"Microsoft.ML.TorchSharp.{type}", throwOnError: true)!, Any, null, arguments, null)!;

    private static void Set(object target, string field, object value) => target.GetType().GetField(field, Any)!.SetValue(target, value);

    private static void Revive(nn.Module network)
    {
        foreach (var module in network.modules())
        {
            switch (module)
            {
                case Linear linear:
                    Clear(linear);
                    linear.weight = nn.Parameter(zeros(linear.out_features, linear.in_features));
                    linear.bias = nn.Parameter(zeros(linear.out_features));
                    break;
                case Conv1d convolution:
                    Clear(convolution);
                    convolution.weight = nn.Parameter(zeros(
                        convolution.out_channels, convolution.in_channels / convolution.groups, convolution.kernel_size[0]));
                    convolution.bias = nn.Parameter(zeros(convolution.out_channels));
                    break;
            }
        }

        using var noGrad = no_grad();
        using var generator = new Generator(11);
        foreach (var (name, parameter) in network.named_parameters())
        {
            parameter.normal_(name.Contains("Norm", StringComparison.Ordinal) && name.EndsWith("weight", StringComparison.Ordinal) ? 1 : 0, 0.1, generator);
        }

        network.eval();
    }

    // The property compares with the old weight, which is gone.
    private static void Clear(nn.Module layer)
    {
        for (var type = layer.GetType(); type is not null; type = type.BaseType)
        {
            type.GetField("_weight", Any)?.SetValue(layer, null);
        }
    }
}
