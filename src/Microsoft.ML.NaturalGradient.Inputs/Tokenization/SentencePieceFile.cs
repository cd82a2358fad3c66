using Google.Protobuf;

namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>The contents of a SentencePiece model file of type unigram: pieces with their scores, and how text is cleaned.</summary>
/// <remarks>The message <c>ModelProto</c> of sentencepiece_model.proto; what is left out there has the default given there.</remarks>
internal sealed class SentencePieceFile
{
    private const int UnigramType = 1;

    private readonly string _description;
    private int _modelType = UnigramType;
    private bool _spaceIsSuffix;
    private bool _addsSpace = true;
    private bool _unifiesSpaces = true;
    private bool _marksSpaces = true;
    private bool _isWhole;

    /// <summary>Reads a file.</summary>
    /// <param name="stream">The file; not closed.</param>
    /// <param name="description">The file, in words for error messages.</param>
    /// <exception cref="InvalidDataException">The file is damaged or asks for something that is not supported.</exception>
    public SentencePieceFile(Stream stream, string description)
    {
        _description = description;
        try
        {
            ReadModel(new CodedInputStream(stream, leaveOpen: true));
        }
        catch (Exception exception) when (exception is InvalidProtocolBufferException or EndOfStreamException)
        {
            throw new InvalidDataException($"{description} is not a SentencePiece model or is damaged: {exception.Message} Download the file again.", exception);
        }

        Check();
    }

    /// <summary>Pieces, by id.</summary>
    public List<(string Piece, float Score, SentencePieceKind Kind)> Pieces { get; } = [];

    /// <summary>Id of the unknown token.</summary>
    public int UnknownId { get; private set; }

    /// <summary>Character replacements; empty when there are none.</summary>
    public byte[] CharacterMap { get; private set; } = [];

    private void ReadModel(CodedInputStream input) => ReadFields(input, field =>
    {
        switch (field)
        {
            case 1:
                Pieces.Add(ReadPiece(input.ReadBytes().CreateCodedInput()));
                return true;
            case 2:
                ReadTrainer(input.ReadBytes().CreateCodedInput());
                return true;
            case 3:
                ReadNormalizer(input.ReadBytes().CreateCodedInput());
                return _isWhole = true; // the last part that is always there
            default:
                return false;
        }
    });

    private static (string Piece, float Score, SentencePieceKind Kind) ReadPiece(CodedInputStream input)
    {
        var (piece, score, kind) = (string.Empty, 0f, SentencePieceKind.Normal);
        ReadFields(input, field =>
        {
            switch (field)
            {
                case 1:
                    piece = input.ReadString();
                    return true;
                case 2:
                    score = input.ReadFloat();
                    return true;
                case 3:
                    kind = (SentencePieceKind)input.ReadEnum();
                    return true;
                default:
                    return false;
            }
        });
        return (piece, score, kind);
    }

    private void ReadTrainer(CodedInputStream input) => ReadFields(input, field =>
    {
        switch (field)
        {
            case 3:
                _modelType = input.ReadEnum();
                return true;
            case 24:
                _spaceIsSuffix = input.ReadBool();
                return true;
            case 40:
                UnknownId = input.ReadInt32();
                return true;
            default:
                return false;
        }
    });

    private void ReadNormalizer(CodedInputStream input) => ReadFields(input, field =>
    {
        switch (field)
        {
            case 2:
                CharacterMap = input.ReadBytes().ToByteArray();
                return true;
            case 3:
                _addsSpace = input.ReadBool();
                return true;
            case 4:
                _unifiesSpaces = input.ReadBool();
                return true;
            case 5:
                _marksSpaces = input.ReadBool();
                return true;
            default:
                return false;
        }
    });

    /// <summary>Goes through the fields of a message.</summary>
    /// <param name="input">The message.</param>
    /// <param name="read">Reads the value of a field by its number; says whether it did.</param>
    private static void ReadFields(CodedInputStream input, Func<int, bool> read)
    {
        while (input.ReadTag() is var tag and not 0)
        {
            if (!read(WireFormat.GetTagFieldNumber(tag)))
            {
                input.SkipLastField();
            }
        }
    }

    private void Check()
    {
        if (_modelType != UnigramType)
        {
            var name = _modelType switch { 2 => "BPE", 3 => "word", 4 => "char", _ => $"number {_modelType}" };
            throw new InvalidDataException($"{_description} is a SentencePiece model of type {name}. Only type unigram is supported; choose such a model.");
        }

        if (!_isWhole || UnknownId < 0 || UnknownId >= Pieces.Count || Pieces[UnknownId].Kind != SentencePieceKind.Unknown)
        {
            throw new InvalidDataException(
                $"{_description} is not a SentencePiece model or is damaged: it has {Pieces.Count} pieces, and piece {UnknownId} is not the unknown token"
                + $"{(_isWhole ? string.Empty : ", and its end is missing")}. Download the file again.");
        }

        Refuse(_spaceIsSuffix, "treat_whitespace_as_suffix");
        Refuse(!_addsSpace, "add_dummy_prefix = false");
        Refuse(!_unifiesSpaces, "remove_extra_whitespaces = false");
        Refuse(!_marksSpaces, "escape_whitespaces = false");
    }

    private void Refuse(bool isSet, string setting)
    {
        if (isSet)
        {
            throw new InvalidDataException($"{_description} was trained with {setting}, which is not supported. Choose a model with SentencePiece's default.");
        }
    }
}
