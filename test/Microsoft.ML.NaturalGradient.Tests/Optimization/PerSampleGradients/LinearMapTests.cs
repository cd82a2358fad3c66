using Microsoft.ML.NaturalGradient.PerSampleGradients;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Tests.PerSampleGradients;

[TestClass]
public sealed class LinearMapTests
{
    private static readonly ScalarType Double = ScalarType.Float64;
    private static Tensor Ids => tensor(new long[] { 0, 1, 2, 1, 3, 0 }, [3, 2]);

    [TestMethod]
    public void Rows_LinearAndBias_ErrorsTimesInputsAreTheGradient()
    {
        using var scope = NewDisposeScope();
        var (weight, bias) = (nn.Parameter(zeros(2, 5, Double)), nn.Parameter(zeros(2, Double)));
        var error = Fixture.Sine(1, 1.3, 0.4, 3, 4, 2);
        using var captured = new CapturedGradients(
            [(new LinearWeightUse(weight, Fixture.Sine(1, 0.7, 0.1, 3, 4, 5)), error), (new BiasUse(bias), error)]);

        AssertGradient(captured, weight, bias);
    }

    [TestMethod]
    public void Rows_Convolution_ErrorsTimesPatchesAreTheGradient()
    {
        using var scope = NewDisposeScope();
        var (kernel, bias) = (nn.Parameter(zeros(2, 2, 3, 3, Double)), nn.Parameter(zeros(2, Double)));
        var error = Fixture.Sine(1, 0.63, 0.35, 3, 2, 4, 4);
        using var captured = new CapturedGradients(
            [(new ConvolutionWeightUse(kernel, Fixture.Sine(1, 0.41, 0.15, 3, 2, 4, 4), stride: 1, padding: 1), error), (new ChannelBiasUse(bias), error)]);

        AssertGradient(captured, kernel, bias);
    }

    [TestMethod]
    public void Rows_LayerUsedTwice_HoldsPositionsOfBothUses()
    {
        using var scope = NewDisposeScope();
        var (weight, bias) = (nn.Parameter(zeros(2, 5, Double)), nn.Parameter(zeros(2, Double)));
        var (first, second) = (Fixture.Sine(1, 1.3, 0.4, 3, 4, 2), Fixture.Sine(1, 0.9, 0.1, 3, 1, 2));
        using var captured = new CapturedGradients(
        [
            (new LinearWeightUse(weight, Fixture.Sine(1, 0.7, 0.1, 3, 4, 5)), first), (new BiasUse(bias), first),
            (new LinearWeightUse(weight, Fixture.Sine(1, 0.3, 0.8, 3, 1, 5)), second), (new BiasUse(bias), second),
        ]);

        AssertGradient(captured, weight, bias);
        Assert.AreEqual(15, LinearMap.Find(captured)[0].Rows(reduce: false).Inputs.shape[0]);
    }

    [TestMethod]
    public void Find_BiasAlone_IsMapWithInputOne()
    {
        using var scope = NewDisposeScope();
        var bias = nn.Parameter(zeros(2, Double));
        var error = Fixture.Sine(1, 1.3, 0.4, 3, 4, 2);
        using var captured = new CapturedGradients([(new BiasUse(bias), error)]);

        var (inputs, errors) = LinearMap.Find(captured).Single().Rows(reduce: false);

        Fixture.AssertClose(ones(12, 1, Double), inputs);
        Fixture.AssertClose(error.flatten(0, 1), errors);
    }

    [TestMethod]
    public void Find_NormalisationAndTiedTable_FindsNothing()
    {
        using var scope = NewDisposeScope();
        var (scale, shift, table) = (nn.Parameter(ones(2, Double)), nn.Parameter(zeros(2, Double)), nn.Parameter(zeros(4, 2, Double)));
        var norm = Fixture.Sine(1, 0.77, 0.25, 3, 2, 2);
        using var captured = new CapturedGradients(
        [
            (new EmbeddingUse(table, Ids), Fixture.Sine(1, 0.3, 0.1, 3, 2, 2)),
            (new ScaleUse(scale, Fixture.Sine(1, 0.2, 0.1, 3, 2, 2)), norm), (new BiasUse(shift), norm),
            (new LinearWeightUse(table, Fixture.Sine(1, 0.52, 0.7, 3, 2, 2)), Fixture.Sine(0.5, 0.33, 0.8, 3, 2, 4)),
        ]);

        Assert.IsEmpty(LinearMap.Find(captured));
    }

    [TestMethod]
    public void GramOfAndRowsOf_OneParameter_ArePartsOfTheWhole()
    {
        using var scope = NewDisposeScope();
        var (scale, table) = (nn.Parameter(ones(2, Double)), nn.Parameter(zeros(4, 2, Double)));
        using var captured = new CapturedGradients(
        [
            (new EmbeddingUse(table, Ids), Fixture.Sine(1, 0.3, 0.1, 3, 2, 2)),
            (new ScaleUse(scale, Fixture.Sine(1, 0.2, 0.1, 3, 2, 2)), Fixture.Sine(1, 0.77, 0.25, 3, 2, 2)),
            (new LinearWeightUse(table, Fixture.Sine(1, 0.52, 0.7, 3, 2, 2)), Fixture.Sine(0.5, 0.33, 0.8, 3, 2, 4)),
        ]);

        var (tableRows, scaleRows) = (captured.RowsOf(table), captured.RowsOf(scale));

        Fixture.AssertClose(captured.Rows(), cat([tableRows, scaleRows], 1));
        Fixture.AssertClose(tableRows.mm(tableRows.t()), captured.GramOf(table));
        Fixture.AssertClose(captured.Gram(), captured.GramOf(table).add(captured.GramOf(scale)));
    }

    // Σ e āᵀ over the rows is the gradient of weight and bias; so it is when each sample's positions are reduced with T = 1.
    private static void AssertGradient(CapturedGradients captured, Parameter weight, Parameter bias)
    {
        var map = LinearMap.Find(captured).Single();
        var (inputs, errors) = map.Rows(reduce: false);
        var gradient = captured.Combine(ones(captured.SampleCount, Double));

        Fixture.AssertClose(LinearMap.Join(gradient[weight], gradient[bias]), errors.t().mm(inputs));
        var reduced = map.Rows(reduce: true);
        var positions = inputs.shape[0] / captured.SampleCount;
        Fixture.AssertClose(errors.view(captured.SampleCount, positions, -1).sum(1), reduced.Errors);
        Fixture.AssertClose(inputs.view(captured.SampleCount, positions, -1).mean([1L]), reduced.Inputs);
    }
}
