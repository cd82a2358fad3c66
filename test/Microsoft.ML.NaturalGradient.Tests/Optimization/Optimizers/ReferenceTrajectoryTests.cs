using Microsoft.ML.NaturalGradient.Curvature;
using Microsoft.ML.NaturalGradient.Optimization;
using Microsoft.ML.NaturalGradient.Tests.Oracles;
using static Microsoft.ML.NaturalGradient.Optimizers;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

/// <summary>Ten steps of the code that accompanies the iEF paper, which works in float32 on the mean loss.</summary>
/// <remarks>
/// With B samples its Jacobian is J/B, so that absolute damping is B² times its own here, and learning rates of updates that are not
/// normalised are 1/B (iEF) or B (EF) times its own.
/// </remarks>
[TestClass]
public sealed class ReferenceTrajectoryTests
{
    private const int Samples = 5;
    private const int Steps = 10;

    private readonly SoftmaxCrossEntropy _objective = new();

    [TestMethod]
    public void ImprovedEmpiricalFisher_LiteralEquation8_FollowsTheReference() => Follow(
        "iEFlg2_lr5_lam1e-12", _ => 5.0 / Samples,
        (network, _, _) => (Ief with { LiteralEq8 = true, Damping = 1e-12 * Samples * Samples }).Create(network.Parameters, 0));

    [TestMethod]
    public void EmpiricalFisher_FollowsTheReference() => Follow(
        "EF_iEF0_raw_lr0.01", _ => 0.01 * Samples, (network, meanDiagonal, _) => EmpiricalFisher(network, meanDiagonal, normalize: false));

    [TestMethod]
    public void EmpiricalFisher_NormalisedWithLinearDecay_FollowsTheReference() => Follow(
        "EF_iEF0_norm_lin", step => 0.5 * (Steps - step) / Steps,
        (network, meanDiagonal, _) => EmpiricalFisher(network, meanDiagonal, normalize: true));

    [TestMethod]
    public void Sgd_FollowsTheReference() => Follow("SGD_lr1", _ => 1, (network, _, _) => Optimizers.Sgd.Create(network.Parameters, 0));

    [TestMethod]
    public void SampledFisher_NormalisedWithGivenLabels_FollowsTheReference() => Follow(
        "SF1_norm_lin", step => 0.5 * (Steps - step) / Steps,
        (network, _, step) =>
        {
            var labels = tensor(new long[] { 0, 2, 1, 1, 2 }).roll(step);
            using var probe = BatchEvaluation.Run(_objective, labels, true, network.Forward);
            using var sampled = probe.Capture(probe.LogitGradients);
            var relative = 1e-4 * Samples * Samples / sampled.Gram().diagonal().mean().item<double>();
            return new SampledFisher(
                network.Parameters, Sf with { Damping = relative }, batch => _objective.LogitGradients(batch.Logits.detach(), labels));
        });

    private static Optimizer EmpiricalFisher(ToyNetwork network, double meanDiagonal, bool normalize) => (Ef with
    {
        Damping = 1e-7 * Samples * Samples / meanDiagonal,
        NormalizeUpdate = normalize,
    }).Create(network.Parameters, 0);

    private void Follow(string name, Func<int, double> learningRate, Func<ToyNetwork, double, int, Optimizer> create)
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        var expected = Fixture.Read("spec/ref_ief_trajectories.json").GetProperty(name);
        for (var step = 0; step < Steps; step++)
        {
            using var batch = BatchEvaluation.Run(_objective, network.Labels, true, network.Forward);
            using var captured = batch.Capture(batch.LogitGradients, keepGraph: true);
            var meanDiagonal = captured.Gram().diagonal().mean().item<double>();
            using var optimizer = create(network, meanDiagonal, step);

            // float32 in the reference, and its Gram matrix is solved almost undamped.
            Assert.AreEqual(expected.GetProperty("loss_before_step")[step].GetDouble(), batch.Losses.mean().item<double>(), 1e-4, $"step {step}");
            optimizer.Step(batch, learningRate(step));
            Fixture.AssertClose(expected.GetProperty("theta_after_step")[step].ToTensor(), network.Flat(), 0, 1e-3);
        }
    }
}
