using Microsoft.ML.NaturalGradient.Checkpoints.MLNet;
using Microsoft.ML.NaturalGradient.Models.Onnx;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Microsoft.ML.NaturalGradient.Models.NasBert;

/// <summary>One layer of a NAS-BERT network: one operation of the search space, or nothing.</summary>
internal sealed class NasBertLayer : nn.Module<Tensor, NasBertContext, Tensor>, IOnnxContextLayer
{
    [ComponentName(Name = "Operation")]
    private readonly nn.Module<Tensor, NasBertContext, Tensor>? _operation;

    /// <summary>Creates the layer with empty weights.</summary>
    /// <param name="operation">What it does.</param>
    /// <param name="sizes">The encoder's sizes.</param>
    public NasBertLayer(NasBertOperation operation, EncoderSizes sizes)
        : base(nameof(NasBertLayer))
    {
        _operation = operation switch
        {
            { IsIdentity: true } => null,
            { IsAttention: true } => new NasBertAttention(operation.Width, sizes),
            { IsFeedForward: true } => new NasBertFeedForward(operation.Width, sizes),
            _ => new NasBertConvolutions(operation.Width, operation.KernelSize, sizes),
        };
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input, NasBertContext context) => _operation is null ? input : _operation.call(input, context);

    /// <inheritdoc/>
    public OnnxValue Emit(OnnxGraph graph, OnnxValue input, OnnxContext context) =>
        _operation is null ? input : ((IOnnxContextLayer)_operation).Emit(graph, input, context);
}
