using Microsoft.ML.NaturalGradient.Tests.Oracles;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.Optimization;

[TestClass]
public sealed class UpdateRuleTests
{
    [TestMethod]
    public void StepContext_OffersTheReferencesQuantities_InAnyOrder()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        var rows = network.Reference("J").ToTensor();
        var squares = network.Reference("s_iEF").ToTensor();
        var units = rows.div(squares.sqrt().unsqueeze(1));
        var weights = Fixture.Sine(1, 0.7, 0.2, 5);
        var seen = false;

        Step(network, batch =>
        {
            Fixture.AssertClose(network.Reference("loss").ToTensor(), batch.Losses);
            Fixture.AssertClose(squares, batch.SquaredNorms);
            Fixture.AssertClose(squares, batch.LogitGradients.square().sum(1));
            Fixture.AssertClose(network.Reference("logits").ToTensor(), batch.Logits);
            var first = batch.SampleGradients();
            var gradient = batch.MeanGradient();
            var second = batch.UnitSampleGradients();
            var third = batch.SampleGradients(batch.LogitGradients.mul(weights.unsqueeze(1)));
            Fixture.AssertClose(rows.mean([0]), Flat(gradient));
            Fixture.AssertClose(rows.mm(rows.t()), first.Gram());
            Fixture.AssertClose(units.mm(units.t()), second.Gram());
            Fixture.AssertClose(rows.mul(weights.unsqueeze(1)).mv(rows[0]), third.Dot(Parts(rows[0], network)));
            Fixture.AssertClose(rows.t().mv(weights), Flat(first.Combine(weights)));
            Fixture.AssertClose(units.t().mv(weights), Flat(second.Combine(weights)));
            Fixture.AssertClose(rows.mv(rows.mean([0])), first.Dot(gradient));
            Assert.AreEqual(5, batch.SampleCount);
            Assert.AreEqual(5, first.SampleCount);
            Assert.IsFalse(batch.Logits.requires_grad);
            seen = true;
            return [];
        });

        Assert.IsTrue(seen);
    }

    [TestMethod]
    public void Direction_AtLearnedSample_HasZeroUnitRow()
    {
        using var scope = NewDisposeScope();
        using var layer = nn.Linear(2, 2, dtype: ScalarType.Float64);
        var inputs = tensor(new[,] { { 1.0, 0.5 }, { 2000.0, 0.0 } });
        using (no_grad())
        {
            layer.weight.copy_(tensor(new[,] { { 0.3, -0.2 }, { -0.1, 0.4 } }));
            layer.bias!.zero_();
        }

        double[] diagonal = [];
        using var optimizer = Options(batch =>
        {
            diagonal = [.. batch.UnitSampleGradients().Gram().diagonal().data<double>()];
            return [];
        }).CreateFor(layer.parameters(), 2);

        optimizer.Step(() => layer.call(inputs), tensor(new long[] { 1, 0 }));

        Assert.AreEqual(1.25 + 1, diagonal[0], 1e-12); // ‖x‖² + 1 times the squared length 1 of the seed
        Assert.AreEqual(0, diagonal[1]);
    }

    [TestMethod]
    public void Direction_EmptyList_LeavesOnlyTheSharedDecay()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        var before = network.Flat();
        using var optimizer = (Options(_ => []) with { WeightDecayPerStep = 0.1, NoDecay = NoDecay.Nothing }).CreateFor(network.Parameters, 3);

        optimizer.Step(network.Forward, network.Labels);

        Fixture.AssertClose(before.mul(0.9), network.Flat(), 1e-14, 1e-15);
    }

    [TestMethod]
    public void Direction_LongerThanTheNormConstraint_IsShortened()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        var before = network.Flat();
        using var optimizer = (Options(batch => batch.MeanGradient()) with { NormConstraint = 1e-4 }).CreateFor(network.Parameters, 3);

        optimizer.Step(network.Forward, network.Labels, 10);

        var step = before.sub(network.Flat());
        Assert.AreEqual(1e-2, step.norm().item<double>(), 1e-10);
        var gradient = network.Reference("J").ToTensor().mean([0]);
        Fixture.AssertClose(gradient.div(gradient.norm()).mul(1e-2), step, 1e-8, 1e-12);
    }

    [TestMethod]
    public void Direction_ThatDoesNotFit_SaysSoAndChangesNothing()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        var before = network.Flat();
        void Rejects(Func<StepContext, IReadOnlyList<Tensor>> rule, string words) =>
            StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => Step(network, rule)).Message, words);

        Rejects(_ => null!, "null");
        Rejects(batch => batch.MeanGradient()[..3], "3 tensors");
        Rejects(batch => [.. batch.MeanGradient().Reverse()], "[3], but [4, 3]");
        Rejects(batch => [.. batch.MeanGradient().Select(part => part.to(ScalarType.Int64))], "Int64");
        Rejects(batch => [.. batch.MeanGradient()[..3], null!], "Test.Direction[3] is null");
        Rejects(batch => batch.SampleGradients().Combine(ones(4, dtype: ScalarType.Float64)), "[4], but [5]");
        Rejects(batch => [batch.SampleGradients().Dot(batch.MeanGradient()[..2])], "2 tensors");
        Rejects(batch => [batch.SampleGradients(ones(5, 2, dtype: ScalarType.Float64)).Gram()], "[5, 2], but [5, 3]");
        Rejects(batch => [batch.SampleGradients(null!).Gram()], "null");

        Assert.AreEqual(0, network.Flat().sub(before).abs().max().item<double>());
        Step(network, batch => batch.MeanGradient());
        Assert.IsGreaterThan(0, network.Flat().sub(before).abs().max().item<double>());
    }

    [TestMethod]
    public void SampleGradients_NotAnnounced_Throws()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        using var optimizer = (Options(batch => batch.SampleGradients().Combine(batch.Losses)) with { Recorded = false }).CreateFor(network.Parameters, 3);

        var error = Assert.ThrowsExactly<InvalidOperationException>(() => optimizer.Step(network.Forward, network.Labels));

        StringAssert.Contains(error.Message, "NeedsSampleGradients");
    }

    [TestMethod]
    public void StepContext_AfterTheStep_Throws()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        StepContext? kept = null;
        SampleGradients? gradients = null;
        Step(network, batch =>
        {
            (kept, gradients) = (batch, batch.SampleGradients());
            return [];
        });

        Assert.ThrowsExactly<InvalidOperationException>(() => kept!.MeanGradient());
        Assert.ThrowsExactly<InvalidOperationException>(() => kept!.Losses);
        Assert.ThrowsExactly<InvalidOperationException>(() => gradients!.Gram());
    }

    [TestMethod]
    public void Track_NumbersAndGenerators_ContinueAfterRestore()
    {
        using var scope = NewDisposeScope();
        using var stream = new MemoryStream();
        var (a, b) = (new ToyNetwork(), new ToyNetwork());
        using var first = new NoisyOptions().CreateFor(a.Parameters, 3, seed: 1);
        using var second = new NoisyOptions().CreateFor(b.Parameters, 3, seed: 2);
        first.Step(a.Forward, a.Labels);
        second.Step(b.Forward, b.Labels);
        first.SaveState(stream);
        stream.Position = 0;
        var (startA, startB) = (a.Flat(), b.Flat());
        Assert.IsGreaterThan(0, startA.sub(startB).abs().max().item<double>());

        second.RestoreState(stream);
        first.Step(a.Forward, a.Labels);
        second.Step(b.Forward, b.Labels);

        // The direction is noise alone, divided by the count of steps.
        Fixture.AssertClose(startA.sub(a.Flat()), startB.sub(b.Flat()), 1e-12, 1e-14);
    }

    [TestMethod]
    public void RestoreState_OfAnotherOwnMethod_Throws()
    {
        using var scope = NewDisposeScope();
        using var stream = new MemoryStream();
        var network = new ToyNetwork();
        using var noisy = new NoisyOptions().CreateFor(network.Parameters, 3);
        using var other = Options(_ => []).CreateFor(network.Parameters, 3);
        noisy.SaveState(stream);
        stream.Position = 0;

        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => other.RestoreState(stream)).Message, "'Noise'");
    }

    [TestMethod]
    public void CreateFor_RuleThatIsNone_Throws()
    {
        using var scope = NewDisposeScope();
        var network = new ToyNetwork();
        void Fails<T>(TestOptions options, string words)
            where T : Exception =>
            StringAssert.Contains(Assert.ThrowsExactly<T>(() => options.CreateFor(network.Parameters, 3)).Message, words);

        Fails<ArgumentException>(Options(_ => []) with { Title = " " }, "MethodName");
        Fails<ArgumentOutOfRangeException>(Options(_ => []) with { Rate = 0 }, "MethodLearningRate is 0");
        Fails<InvalidOperationException>(Options(_ => []) with { Rule = _ => null! }, "null");
        Fails<InvalidOperationException>(
            Options(_ => []) with { Rule = parameters => new TestRule([.. parameters], new TestOptions()) }, "other parameters");
        Fails<ArgumentException>(Options(_ => []) with { Rule = parameters => new TrackingRule(parameters, zeros(1), zeros(1)) }, "tracked already");
        Fails<ArgumentException>(Options(_ => []) with { Rule = parameters => new TrackingRule(parameters, parameters[0]) }, "detached copy");
    }

    private static void Step(ToyNetwork network, Func<StepContext, IReadOnlyList<Tensor>> rule)
    {
        using var optimizer = Options(rule).CreateFor(network.Parameters, 3);
        optimizer.Step(network.Forward, network.Labels);
    }

    private static TestOptions Options(Func<StepContext, IReadOnlyList<Tensor>> rule) => new() { Compute = rule };

    private static Tensor Flat(IEnumerable<Tensor> tensors) => cat([.. tensors.Select(part => part.flatten())]);

    private static Tensor[] Parts(Tensor flat, ToyNetwork network) =>
        [.. flat.split([.. network.Parameters.Select(parameter => parameter.numel())]).Zip(network.Parameters, (part, parameter) => part.view_as(parameter))];

    private sealed record TestOptions : CustomOptimizerOptions
    {
        public Func<StepContext, IReadOnlyList<Tensor>> Compute { get; init; } = _ => [];

        public Func<IReadOnlyList<Parameter>, UpdateRule>? Rule { get; init; }

        public bool Recorded { get; init; } = true;

        public string Title { get; init; } = "Test";

        public double Rate { get; init; } = 0.1;

        public override string MethodName => Title;

        protected override double MethodLearningRate(int classCount) => Rate;

        protected override UpdateRule CreateRule(IReadOnlyList<Parameter> parameters, long seed) =>
            Rule is null ? new TestRule(parameters, this) : Rule(parameters);
    }

    private sealed class TestRule(IReadOnlyList<Parameter> parameters, TestOptions options) : UpdateRule(parameters)
    {
        public override bool NeedsSampleGradients => options.Recorded;

        protected override IReadOnlyList<Tensor> Direction(StepContext batch) => options.Compute(batch);
    }

    private sealed class TrackingRule : UpdateRule
    {
        public TrackingRule(IReadOnlyList<Parameter> parameters, params Tensor[] values)
            : base(parameters)
        {
            foreach (var value in values)
            {
                Track("value", value);
            }
        }

        protected override IReadOnlyList<Tensor> Direction(StepContext batch) => [];
    }

    private sealed record NoisyOptions : CustomOptimizerOptions
    {
        public override string MethodName => "Noise";

        protected override double MethodLearningRate(int classCount) => 1;

        protected override UpdateRule CreateRule(IReadOnlyList<Parameter> parameters, long seed) => new NoisyRule(parameters, seed);
    }

    private sealed class NoisyRule : UpdateRule
    {
        private readonly Generator _generator;
        private int _steps;

        public NoisyRule(IReadOnlyList<Parameter> parameters, long seed)
            : base(parameters)
        {
            _generator = Track("noise", new Generator((ulong)seed, CPU));
            Track("steps", () => _steps, value => _steps = (int)value);
        }

        protected override IReadOnlyList<Tensor> Direction(StepContext batch)
        {
            _steps++;
            return [.. Parameters.Select(parameter => randn(parameter.shape, dtype: ScalarType.Float64, generator: _generator).div(_steps))];
        }
    }
}
