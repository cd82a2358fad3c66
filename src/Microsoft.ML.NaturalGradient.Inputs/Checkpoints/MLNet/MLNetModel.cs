namespace Microsoft.ML;

/// <summary>The pretrained models that ML.NET's own trainers of Microsoft.ML.TorchSharp start from.</summary>
public enum MLNetModel
{
    /// <summary>
    /// The English encoder of ML.NET's text classification and sentence similarity: NAS-BERT (Xu et al., KDD 2021) with convolutions and attention,
    /// 192 wide, 4.5 million parameters, 3.2 million of them in its table of words; the file NasBert2000000.tsm.
    /// </summary>
    NasBert,

    /// <summary>The English encoder of ML.NET's question answering: RoBERTa (12 layers, 768 wide); the file pretrained_Roberta_encoder.tsm.</summary>
    Roberta,
}
