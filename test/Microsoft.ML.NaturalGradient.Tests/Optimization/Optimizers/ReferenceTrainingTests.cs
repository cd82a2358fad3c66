using System.Text.Json;
using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Models;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

/// <summary>Ten steps on two fixed batches of the tiny encoder with LoRA, against the reference's losses and final parameters.</summary>
[TestClass]
public sealed class ReferenceTrainingTests
{
    private const double Tolerance = 1e-7; // ten steps amplify rounding
    private static readonly JsonElement Reference = Fixture.Read("training/bert-lora.json");

    [TestMethod]
    public void Step_Sgd_FollowsReference() =>
        // The reference's SGD sums the losses of the 6 samples; ours takes the mean.
        AssertRun("sgd lr=0.02 damping=0 momentum=0", Optimizers.Sgd, 0.02 * 6);

    [TestMethod]
    public void Step_AdamW_FollowsReference() =>
        AssertRun("adamw (mean loss)", Optimizers.AdamW with { WeightDecay = 0.01 }, 0.01);

    [TestMethod]
    public void Step_Adafactor_FollowsReference()
    {
        AssertRun("adafactor (mean loss)", Optimizers.Adafactor with { RelativeStep = false, ScaleParameter = false }, 0.05);
        AssertRun("adafactor-relative (mean loss)", Optimizers.Adafactor, 1);
    }

    [TestMethod]
    public void Step_EmpiricalFisher_FollowsReference() =>
        AssertRun("ef lr=0.05 damping=0.01 momentum=0", Optimizers.Ef with { Damping = 0.01, NormalizeUpdate = false }, 0.05);

    [TestMethod]
    public void Step_ImprovedEmpiricalFisher_FollowsReference()
    {
        AssertRun("ief lr=1.0 damping=0.001 momentum=0", Optimizers.Ief with { Damping = 1e-3, DampingFloor = 0 }, 1);
        AssertRun("ief lr=0.5 damping=0.1 momentum=0", Optimizers.Ief with { DampingFloor = 0 }, 0.5);
    }

    [TestMethod]
    public void Step_ImprovedEmpiricalFisherWithMomentum_FollowsReference() =>
        AssertRun("ief-spring lr=0.5 damping=0.001 momentum=0.5", Optimizers.Ief with { Damping = 1e-3, DampingFloor = 0, Momentum = 0.5 }, 0.5);

    [TestMethod]
    public void Step_ExactNaturalGradient_FollowsReference() => AssertRun("ng lr=0.2 damping=0.01 momentum=0", Optimizers.Ng, 0.2);

    [TestMethod]
    [DataRow("sgd damping=0")]
    [DataRow("ef damping=1e-09")]
    [DataRow("ef damping=1.0")]
    [DataRow("ief damping=1e-09")]
    [DataRow("ief damping=0.001")]
    [DataRow("ief damping=1.0")]
    [DataRow("sf damping=0.01")]
    [DataRow("ng damping=1e-09")]
    [DataRow("ng damping=0.01")]
    public void Gamma_FirstBatch_EqualsReference(string name)
    {
        using var scope = NewDisposeScope();
        using var classifier = BertFixture.CreateAdaptedClassifier();
        var parameters = InReferenceOrder(classifier);
        var first = Reference.GetProperty("batches")[0];
        using var inputs = BertFixture.Inputs(first.GetProperty("inputs"));
        using var batch = BatchEvaluation.Run(
            new SoftmaxCrossEntropy(), first.GetProperty("labels").ToTensor().to(ScalarType.Int64), true, () => classifier.Forward(inputs));
        batch.KeepsGraph = true;
        var products = new FisherProducts(batch, parameters);

        var direction = Direction(name, batch, parameters);

        var expected = Reference.GetProperty("gamma_first_batch").GetProperty(name).GetDouble();
        Assert.AreEqual(expected, products.ExactlyAlong(direction).Gamma, 1e-7 * expected, "exact"); // at damping 1E-9
        Assert.AreEqual(expected, products.Along(direction).Gamma, 1e-5 * expected, "by differences");
    }

    [TestMethod]
    public void Step_SampledFisher_FollowsReference()
    {
        var step = 0;
        var labels = Reference.GetProperty("sampled_labels").ToTensor().to(ScalarType.Int64); // [10, 6]
        AssertRun(
            "sf lr=0.02 damping=0.1 momentum=0",
            parameters => new SampledFisher(
                parameters,
                Optimizers.Sf with { Damping = 0.1, NormalizeUpdate = false },
                batch => new SoftmaxCrossEntropy().LogitGradients(batch.Logits.detach(), labels[step++])),
            0.02);
    }

    private static ParameterVector Direction(string name, BatchEvaluation batch, Parameter[] parameters)
    {
        var damping = double.Parse(name[(name.IndexOf('=') + 1)..], System.Globalization.CultureInfo.InvariantCulture);
        using var optimizer = name[..name.IndexOf(' ')] switch
        {
            "ef" => (Optimizers.Ef with { Damping = damping }).Create(parameters, 0),
            "ief" => (Optimizers.Ief with { Damping = damping }).Create(parameters, 0),
            "ng" => (Optimizers.Ng with { Damping = damping }).Create(parameters, 0),
            "sf" => new SampledFisher(
                parameters, Optimizers.Sf with { Damping = damping },
                evaluated => new SoftmaxCrossEntropy().LogitGradients(
                    evaluated.Logits.detach(), Reference.GetProperty("sampled_labels").ToTensor().to(ScalarType.Int64)[0])),
            _ => null,
        };
        return optimizer is null
            ? new ParameterVector(parameters, batch.PullBack(batch.LogitGradients, parameters))
            : ((IUpdateDirection)optimizer).Direction(batch);
    }

    private static void AssertRun(string name, OptimizerOptions options, double learningRate) =>
        AssertRun(name, parameters => options.Create(parameters, 0), learningRate);

    private static void AssertRun(string name, Func<IReadOnlyList<Parameter>, Optimizer> create, double learningRate)
    {
        using var scope = NewDisposeScope();
        using var classifier = BertFixture.CreateAdaptedClassifier();
        var parameters = InReferenceOrder(classifier);
        using var optimizer = create(parameters);
        var run = Reference.GetProperty("runs").GetProperty(name);
        var losses = run.GetProperty("summed_loss_before_step");

        for (var step = 0; step < losses.GetArrayLength(); step++)
        {
            var batch = Reference.GetProperty("batches")[step % 2];
            using var inputs = BertFixture.Inputs(batch.GetProperty("inputs"));
            using var evaluation = BatchEvaluation.Run(
                new SoftmaxCrossEntropy(),
                batch.GetProperty("labels").ToTensor().to(ScalarType.Int64),
                optimizer.NeedsPerSampleGradients,
                () => classifier.Forward(inputs));
            var expected = losses[step].GetDouble();
            Assert.AreEqual(expected, evaluation.Losses.sum().item<double>(), Tolerance * expected, $"step {step}");
            optimizer.Step(evaluation, learningRate);
        }

        using var noGrad = no_grad();
        var flat = cat([.. parameters.Select(parameter => parameter.flatten())]);
        Fixture.AssertClose(run.GetProperty("final_first8").ToTensor(), flat[..8], Tolerance, 1e-8);
        Assert.AreEqual(run.GetProperty("final_norm").GetDouble(), flat.norm().item<double>(), Tolerance * 10);
    }

    private static Parameter[] InReferenceOrder(TextClassifier classifier)
    {
        var byName = classifier.TrainableParameters.ToDictionary(named => BertFixture.ReferenceName(named.Name), named => named.Value);
        return [.. Reference.GetProperty("parameter_order").EnumerateArray().Select(name => byName[name.GetString()!])];
    }
}
