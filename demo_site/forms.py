"""The contact form."""

from django import forms


class ContactForm(forms.Form):
    """A message to a ferry line that does not exist."""

    ABOUT = (
        ("", "Choose one"),
        ("lost", "Something left on board"),
        ("animals", "Animals larger than a dog"),
        ("freight", "A parcel, a sofa, a boat"),
        ("other", "Something else"),
    )

    name = forms.CharField(
        max_length=80, widget=forms.TextInput(attrs={"autocomplete": "name"}), label="Your name"
    )
    email = forms.EmailField(
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        label="E-mail address",
        help_text="For our answer, and for nothing else.",
    )
    about = forms.ChoiceField(choices=ABOUT, label="What is it about?")
    message = forms.CharField(
        max_length=2000, widget=forms.Textarea(attrs={"rows": 6}), label="Your message"
    )
