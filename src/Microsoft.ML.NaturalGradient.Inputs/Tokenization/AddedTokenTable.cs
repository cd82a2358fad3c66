namespace Microsoft.ML.NaturalGradient.Tokenization;

/// <summary>Collects the added tokens of a tokenizer and looks up their ids in its vocabulary.</summary>
/// <param name="vocabulary">Pieces and their ids.</param>
/// <param name="source">The file that holds the vocabulary, in words for error messages.</param>
internal sealed class AddedTokenTable(IReadOnlyDictionary<string, int> vocabulary, string source)
{
    private readonly Dictionary<string, AddedToken> _tokens = new(StringComparer.Ordinal);
    private readonly HashSet<int> _ids = []; // of the tokens
    private readonly Lazy<HashSet<int>> _vocabularyIds = new(() => [.. vocabulary.Values]);
    private readonly int _vocabularySize = vocabulary.Count == 0 ? 0 : Beyond(vocabulary.Values.Max());
    private int _addedSize;

    /// <summary>The tokens.</summary>
    public IReadOnlyCollection<AddedToken> Tokens => _tokens.Values;

    /// <summary>The highest id plus one.</summary>
    public int Size => Math.Max(_vocabularySize, _addedSize);

    /// <summary>Adds tokens whose ids are told; a token that is there already takes the new flags.</summary>
    /// <param name="tokens">The tokens.</param>
    /// <exception cref="InvalidDataException">An id is not the token's, or is another token's.</exception>
    public void Extend(IEnumerable<AddedToken> tokens)
    {
        foreach (var token in tokens)
        {
            if (TryFind(token.Content, out var id) ? id != token.Id : IsTaken(token.Id))
            {
                throw new InvalidDataException(
                    $"A file beside {source} adds the token '{token.Content}' with id {token.Id}, but {source} gives "
                    + $"{(TryFind(token.Content, out id) ? $"the token the id {id}" : "this id to another token")}. The files do not belong together; download them again.");
            }

            Put(token);
        }
    }

    /// <summary>Adds a token after all others.</summary>
    /// <returns>Its id.</returns>
    public int Append(AddedToken token)
    {
        var id = Size;
        Put(token with { Id = id });
        return id;
    }

    /// <summary>Adds special tokens, those that are missing in the vocabulary after all others.</summary>
    /// <param name="tokens">The tokens; their ids are looked up, or new.</param>
    public void AddOrAppend(IEnumerable<AddedToken> tokens)
    {
        foreach (var token in tokens)
        {
            if (!TryAdd(token))
            {
                _ = Append(token);
            }
        }
    }

    /// <summary>Adds a special token that may be missing in the vocabulary; one that is there already keeps its flags.</summary>
    /// <param name="token">The token; its id is looked up.</param>
    /// <returns>Whether the vocabulary or the added tokens have it.</returns>
    public bool TryAdd(AddedToken token)
    {
        if (!TryFind(token.Content, out var id))
        {
            return false;
        }

        if (!_tokens.ContainsKey(token.Content))
        {
            Put(token with { Id = id });
        }

        return true;
    }

    /// <summary>Adds a special token that must be there.</summary>
    /// <param name="token">The token; its id is looked up.</param>
    /// <param name="role">What it is for, as its key in <c>tokenizer_config.json</c>.</param>
    /// <returns>Its id.</returns>
    /// <exception cref="InvalidDataException">There is no such token.</exception>
    public int Add(AddedToken token, string role) => TryAdd(token)
        ? _tokens[token.Content].Id
        : throw new InvalidDataException(
            $"{source} has no token '{token.Content}', which the tokenizer needs as its {role}. "
            + $"Use the files that belong to the model, or name the right token under \"{role}\" in tokenizer_config.json.");

    /// <summary>Id of a token of the vocabulary or an added one.</summary>
    public bool TryFind(string token, out int id)
    {
        if (_tokens.TryGetValue(token, out var added))
        {
            id = added.Id;
            return true;
        }

        return vocabulary.TryGetValue(token, out id);
    }

    private bool IsTaken(int id) => _vocabularyIds.Value.Contains(id) || _ids.Contains(id);

    // The highest id of all is beyond every network's vocabulary anyway.
    private static int Beyond(int id) => id == int.MaxValue ? id : id + 1;

    private void Put(AddedToken token)
    {
        _tokens[token.Content] = token;
        _ids.Add(token.Id);
        _addedSize = Math.Max(_addedSize, Beyond(token.Id));
    }
}
