using Microsoft.ML.NaturalGradient.Numerics;
using Microsoft.ML.NaturalGradient.Tests.Models;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Adaptation;

/// <summary>Adapters that train weights in place, compared with one plain backward pass for each sample.</summary>
[TestClass]
public sealed class InPlaceAdapterTests
{
    private const double Damping = 1e-2;

    [TestMethod]
    [DataRow("full", 41)]
    [DataRow("biases", 20)]
    [DataRow("head", 2)]
    public void Ief_Step_EqualsParameterSpaceFormula(string kind, int parameters)
    {
        using var scope = NewDisposeScope();
        var reference = Fixture.Read($"{BertFixture.Encoder}/reference.json");
        using var inputs = BertFixture.Inputs(reference.GetProperty("inputs"));
        var labels = reference.GetProperty("labels").ToTensor().to(ScalarType.Int64);
        using var run = new AdaptedRun(PeftFixture.Create(Options(kind)), inputs, labels);
        var trained = run.Classifier.TrainableParameters.Select(named => named.Value).ToArray();
        Assert.HasCount(parameters, trained);

        // Oracle: J row by row, ĝ = g/√s, d = Ĵᵀ(ĴĴᵀ + λI)⁻¹√s with λ relative to the mean diagonal.
        var rows = new List<Tensor>();
        for (var n = 0; n < 3; n++)
        {
            var loss = nn.functional.cross_entropy(run.Classifier.Forward(inputs)[n..(n + 1)], labels[n..(n + 1)]);
            autograd.backward([loss], null, false, false, [.. trained]);
            rows.Add(cat([.. trained.Select(parameter => (parameter.grad ?? zeros_like(parameter)).flatten().clone())]));
            foreach (var parameter in trained)
            {
                parameter.grad = null;
            }
        }

        using var noGrad = no_grad();
        var roots = run.Batch.SquaredNorms.sqrt();
        var scaled = stack([.. rows]).div(roots.unsqueeze(1)); // [N, P]
        var gram = scaled.mm(scaled.t());
        var damped = gram.Plus(eye(3, dtype: ScalarType.Float64).Times(Damping * gram.diagonal().mean().item<double>()));
        var expected = scaled.t().mv(linalg.solve(damped, roots));

        var start = Flat(trained);
        var options = Optimizers.Ief with { Damping = Damping, LearningRate = 1 };
        using var optimizer = options.Create(trained, 0);
        optimizer.Step(run.Batch, learningRate: 1);

        Fixture.AssertClose(expected, start.Minus(Flat(trained)), 1e-8, 1e-10);
    }

    private static Tensor Flat(IEnumerable<Tensor> parameters) => cat([.. parameters.Select(parameter => parameter.detach().flatten())]);

    private static AdapterOptions Options(string kind) => kind switch
    {
        "full" => Adapters.Full,
        "biases" => Adapters.BiasOnly,
        _ => Adapters.HeadOnly,
    };
}
